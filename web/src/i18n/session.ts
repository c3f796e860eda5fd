// The text shown if a session has ended while a page was open.
import type { Both } from './messages'

const en = {
  again: 'Sign in again to return to this page. Your text is kept in this browser.',
}

export type SessionTexts = typeof en

const zhCN: SessionTexts = {
  again: '重新登录后会回到此页面，你写的内容保存在此浏览器中。',
}

export const session: Both<SessionTexts> = { en, 'zh-CN': zhCN }
