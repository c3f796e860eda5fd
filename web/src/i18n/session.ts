// The text shown if a session has ended while a page was open.
import type { Both } from './messages'

const en = {
  again: 'Sign in again to return to this page. What you have written is kept in this browser.',
  ended: 'Your session has ended: you have signed out in another tab or browser, or a new password or an administrator ended it.',
  other: (name: string) => `This browser is now signed in as ${name}. Reload the page to continue with that account.`,
  reload: 'Reload',
}

export type SessionTexts = typeof en

const zhCN: SessionTexts = {
  again: '重新登录后会回到此页面，你写的内容保存在此浏览器中。',
  ended: '会话已结束：你已在另一个标签页或浏览器中退出登录，或因密码更改或由管理员结束。',
  other: (name) => `此浏览器现在以 ${name} 的身份登录。重新加载页面即可使用该账户。`,
  reload: '重新加载',
}

export const session: Both<SessionTexts> = { en, 'zh-CN': zhCN }
