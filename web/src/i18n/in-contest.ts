// The texts of the line above a problem of a contest, loaded with it.
import type { Both } from './messages'

const en = {
  ended: 'Your time in this contest is over. Submissions no longer count in it.',
  noLonger: 'The contest is over: submissions no longer count in it.',
  notCounted: 'This submission does not count in the contest: you sent it before or after your time in it.',
  scored: (points: string) => `In this contest: ${points}`,
  failed: 'The time, the other problems and the questions of the contest cannot be shown now. Submissions are not affected.',
  faults: {
    unknown: 'There is no such contest, or you may not see it.',
    outside: (contest: string) => `You do not take part in ${contest}, so your submissions do not count in it.`,
    visitor: (contest: string) => `Submissions count in ${contest} only if you are signed in and take part in it.`,
    other: 'This problem is not in the contest.',
    later: 'The contest has not begun. Submissions do not count in it yet.',
  },
  quoted: (title: string | undefined) => (title === undefined ? 'this contest' : `“${title}”`),
  join: 'Take part',
}

export type InContestTexts = typeof en

const zhCN: InContestTexts = {
  ended: '你的比赛时间已结束。之后的提交不再计入比赛。',
  noLonger: '比赛已结束，提交不再计入比赛。',
  notCounted: '此提交不计入比赛：提交时间不在你的比赛时间内。',
  scored: (points) => `本场比赛：${points}`,
  failed: '暂时无法显示比赛的时间、其他题目和提问。提交不受影响。',
  faults: {
    unknown: '没有这场比赛，或你无权查看。',
    outside: (contest) => `你没有参加${contest}，提交不计入该比赛。`,
    visitor: (contest) => `登录并参加${contest}后，提交才计入该比赛。`,
    other: '这场比赛没有此题。',
    later: '比赛尚未开始，提交还不计入比赛。',
  },
  quoted: (title) => (title === undefined ? '这场比赛' : `“${title}”`),
  join: '参加',
}

export const inContestTexts: Both<InContestTexts> = { en, 'zh-CN': zhCN }
