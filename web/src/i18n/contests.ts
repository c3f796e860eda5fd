// The texts of the list of contests, loaded with it.
import type { Both } from './messages'

const en = {
  address: 'Address of the contest',
  addressHint: 'The link that you were given, or its last part. The page of the contest asks for the join code.',
  noAddress: 'This is not the address of a contest. It ends in /contests/ and the name of the contest.',
  open: 'Open',
}

export type ContestTexts = typeof en

const zhCN: ContestTexts = {
  address: '比赛地址',
  addressHint: '你收到的链接，或链接的最后一部分。比赛页面会要求输入邀请码。',
  noAddress: '这不是比赛的地址。地址以 /contests/ 加比赛名称结尾。',
  open: '打开',
}

export const contestTexts: Both<ContestTexts> = { en, 'zh-CN': zhCN }
