// The texts of the list of contests and of taking part, loaded with these pages.
import type { Both } from './messages'

const en = {
  address: 'Address of the contest',
  addressHint: 'The link that you were given, or its last part.',
  noAddress: 'This is not the address of a contest. It ends in /contests/ and the name of the contest.',
  wrong: 'The address or the join code is wrong.',
  tookPartVirtually: 'You took part virtually',
  signInVirtually: 'Sign in to take part virtually',
}

export type ContestTexts = typeof en

const zhCN: ContestTexts = {
  address: '比赛地址',
  addressHint: '你收到的链接，或链接的最后一部分。',
  noAddress: '这不是比赛的地址。地址以 /contests/ 加比赛名称结尾。',
  wrong: '比赛地址或邀请码错误。',
  tookPartVirtually: '你虚拟参赛过',
  signInVirtually: '登录后虚拟参赛',
}

export const contestTexts: Both<ContestTexts> = { en, 'zh-CN': zhCN }
