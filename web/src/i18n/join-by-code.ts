// The texts of the page of a contest that the user cannot see, loaded with it.
import type { Both } from './messages'

const en = {
  notPublic: 'Contest not found',
  notPublicDetail: 'This contest does not exist, or it is not public. If you have a join code, enter it here.',
  codeWrong: 'The join code is wrong.',
}

export type JoinTexts = typeof en

const zhCN: JoinTexts = {
  notPublic: '找不到比赛',
  notPublicDetail: '该比赛不存在或未公开。如果你有邀请码，请在此输入。',
  codeWrong: '邀请码错误。',
}

export const joinTexts: Both<JoinTexts> = { en, 'zh-CN': zhCN }
