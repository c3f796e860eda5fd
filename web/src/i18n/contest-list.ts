// The texts of the list of contests, loaded with it.
import type { Both } from './messages'

const en = {
  running: 'Running now',
  upcoming: 'Upcoming',
  past: 'Past',
  noneRunning: 'No contest is running.',
  noneUpcoming: 'No contest is planned.',
  nonePast: 'No contest has ended yet.',
  empty: 'There are no contests yet',
  emptyDetail: 'Until then, practise with the problems.',
  emptyOrganizer: ['Create one with the command ', ' or with ', 'the API', '.'],
  emptyGo: 'All problems',
  private: 'With a join code',
  address: 'Address of the contest',
  addressHint: 'The link that you were given, or its last part.',
  noAddress: 'This is not the address of a contest. It ends in /contests/ and the name of the contest.',
  wrong: 'The address or the join code is wrong.',
}

export type ContestListTexts = typeof en

const zhCN: ContestListTexts = {
  running: '正在进行',
  upcoming: '即将开始',
  past: '已结束',
  noneRunning: '目前没有正在进行的比赛。',
  noneUpcoming: '目前没有计划中的比赛。',
  nonePast: '还没有结束的比赛。',
  empty: '还没有比赛',
  emptyDetail: '在此之前，可以先做题练习。',
  emptyOrganizer: ['用命令 ', ' 或通过 ', 'API', ' 创建第一场比赛。'],
  emptyGo: '所有题目',
  private: '凭邀请码参加',
  address: '比赛地址',
  addressHint: '你收到的链接，或链接的最后一部分。',
  noAddress: '这不是比赛的地址。地址以 /contests/ 加比赛名称结尾。',
  wrong: '比赛地址或邀请码错误。',
}

export const contestListTexts: Both<ContestListTexts> = { en, 'zh-CN': zhCN }
