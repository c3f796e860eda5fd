// The text of a sign-out that has failed.
import type { Both } from './messages'

const en = { failed: 'You are still signed in' }

export type SignOutTexts = typeof en

const zhCN: SignOutTexts = { failed: '退出失败，你仍处于登录状态' }

export const signOutTexts: Both<SignOutTexts> = { en, 'zh-CN': zhCN }
