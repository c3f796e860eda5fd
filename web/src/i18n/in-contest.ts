// The texts of the line above a problem of a contest, loaded with it.
import type { Both } from './messages'

const en = {
  ended: 'Your time in this contest is over. Submissions no longer count in it.',
  faults: {
    unknown: 'There is no such contest, or you may not see it. The problem is shown on its own.',
    outside: 'You do not take part in this contest, so your submissions do not count in it.',
    other: 'This problem is not in the contest.',
    later: 'The contest has not begun. Submissions do not count in it yet.',
  },
  join: 'Take part',
}

export type InContestTexts = typeof en

const zhCN: InContestTexts = {
  ended: '你的比赛时间已结束。之后的提交不再计入比赛。',
  faults: {
    unknown: '没有这场比赛，或你无权查看。此题单独显示。',
    outside: '你没有参加这场比赛，提交不计入比赛。',
    other: '这场比赛没有此题。',
    later: '比赛尚未开始，提交还不计入比赛。',
  },
  join: '参加',
}

export const inContestTexts: Both<InContestTexts> = { en, 'zh-CN': zhCN }
