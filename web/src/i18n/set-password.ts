// The texts of the page of a one-time link, loaded with it.
import type { Both } from './messages'

const en = {
  title: 'Set your password',
  detail: 'Choose a password for this account. You are then signed in, and all other sessions of the account end.',
  password: 'New password',
  submit: 'Set the password and sign in',
  invalid: 'This link is not valid. It has been used, has expired, or was replaced by a newer one. Ask an administrator for a new link.',
  incomplete: 'A part of the link is missing. Open the whole link that you were given, with everything after the sign #.',
  signIn: 'Sign in with a password',
  signedIn: (name: string) => `You are signed in as ${name}.`,
}

export type SetPasswordTexts = typeof en

const zhCN: SetPasswordTexts = {
  title: '设置密码',
  detail: '请为此账户设置密码，之后会自动登录，该账户的其他会话都会结束。',
  password: '新密码',
  submit: '设置密码并登录',
  invalid: '此链接无效：它已被使用、已过期，或已被更新的链接取代。请向管理员索取新链接。',
  incomplete: '链接不完整。请打开你收到的完整链接，包括 # 之后的全部内容。',
  signIn: '用密码登录',
  signedIn: (name) => `你已登录为 ${name}。`,
}

export const setPassword: Both<SetPasswordTexts> = { en, 'zh-CN': zhCN }
