// The texts of the questions to a contest's organizers, loaded with them.
import type { Both } from './messages'

const en = {
  ask: 'Ask the organizers',
  about: 'About',
  wholeContest: 'The whole contest',
  question: 'Question',
  send: 'Send',
  sent: 'Your question was sent. The answer appears here.',
  askLater: 'Only participants can ask questions.',
  noQuestions: 'There are no questions or announcements yet',
  noQuestionsDetail: 'Announcements and answers of the organizers appear here by themselves.',
  announcement: 'Announcement',
  ownQuestion: 'Your question',
  publicQuestion: 'Question',
  unanswered: 'Not answered yet',
  answer: 'Answer',
}

export type QuestionTexts = typeof en

const zhCN: QuestionTexts = {
  ask: '向组织者提问',
  about: '关于',
  wholeContest: '整场比赛',
  question: '问题',
  send: '发送',
  sent: '问题已发送。回答会显示在这里。',
  askLater: '只有参赛者可以提问。',
  noQuestions: '还没有提问或公告',
  noQuestionsDetail: '组织者的公告和回答会自动显示在这里。',
  announcement: '公告',
  ownQuestion: '你的提问',
  publicQuestion: '提问',
  unanswered: '尚未回答',
  answer: '回答',
}

export const questionTexts: Both<QuestionTexts> = { en, 'zh-CN': zhCN }
