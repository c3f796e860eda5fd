// The texts of taking part in a contest and of its problems, loaded with the pages of contests.
import type { Both } from './messages'

const en = {
  tookPartVirtually: 'You took part virtually',
  signInVirtually: 'Sign in to take part virtually',
  join: 'Take part',
  joinHint: 'Submissions that you have sent to its problems since the contest began count, too.',
  virtual: 'Take part virtually',
  virtualHint: 'You get the full time of the contest. The standings show the contest at the same elapsed time. Virtual participants have no rank.',
  virtualSure: (length: string) => `Your time of ${length} begins at once and cannot be stopped.`,
  virtualNow: 'Start now',
  leave: 'Withdraw',
  takesPart: 'You are taking part',
  takesPartVirtually: 'You are taking part virtually',
  tookPart: 'You took part',
  problemsLater: 'The problems are shown when the contest begins.',
  problemsHidden: 'The problems are shown to participants. Take part to see them.',
  noProblems: 'This contest has no problems yet.',
  yourResult: 'Your result',
  notTried: 'Not tried',
}

export type ContestTexts = typeof en

const zhCN: ContestTexts = {
  tookPartVirtually: '你虚拟参赛过',
  signInVirtually: '登录后虚拟参赛',
  join: '参加',
  joinHint: '比赛开始后你在这些题目上已有的提交也计入比赛。',
  virtual: '虚拟参赛',
  virtualHint: '你有完整的比赛时间。排名显示比赛进行到同一时刻的情况。虚拟参赛者没有名次。',
  virtualSure: (length) => `你的 ${length}将立即开始，中途不能停止。`,
  virtualNow: '立即开始',
  leave: '取消参加',
  takesPart: '你已参加',
  takesPartVirtually: '你正在虚拟参赛',
  tookPart: '你参加过',
  problemsLater: '比赛开始后显示题目。',
  problemsHidden: '题目只对参赛者显示。参加比赛后即可查看。',
  noProblems: '该比赛还没有题目。',
  yourResult: '你的结果',
  notTried: '未尝试',
}

export const contestTexts: Both<ContestTexts> = { en, 'zh-CN': zhCN }
