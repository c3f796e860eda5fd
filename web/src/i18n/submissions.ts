// The texts of earlier submissions, loaded with what shows them.
import type { Both } from './messages'

const en = {
  sent: 'Submitted code',
  none: 'You have not submitted a solution yet',
  noneDetail: 'Your submissions to all problems are listed here, newest first.',
  begin: 'Choose a problem',
  columns: { problem: 'Problem', verdict: 'Verdict', language: 'Language', time: 'Time', memory: 'Memory', when: 'When' },
  pages: 'Pages of submissions',
  inContest: 'In the contest',
  outside: 'Not in the contest',
  inContestHint: (title: string) => `It counts in “${title}”.`,
  newest: (shown: number, total: number) => `These are the newest ${shown} of ${total}.`,
  all: 'All your submissions',
}

export type SubmissionTexts = typeof en

const zhCN: SubmissionTexts = {
  sent: '提交的代码',
  none: '你还没有提交过',
  noneDetail: '这里按时间从新到旧列出你对所有题目的提交。',
  begin: '选一道题',
  columns: { problem: '题目', verdict: '结果', language: '语言', time: '时间', memory: '内存', when: '提交时间' },
  pages: '提交记录的页码',
  inContest: '比赛内',
  outside: '不计入比赛',
  inContestHint: (title) => `计入“${title}”。`,
  newest: (shown, total) => `这里是最新的 ${shown} 条，共 ${total} 条。`,
  all: '你的全部提交',
}

export const submissionTexts: Both<SubmissionTexts> = { en, 'zh-CN': zhCN }
