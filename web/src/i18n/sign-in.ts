// The texts of the page on which users sign in, loaded with it.
import type { Both } from './messages'

const en = {
  title: 'Sign in',
  login: 'User name or e-mail address',
  password: 'Password',
  submit: 'Sign in',
  new: 'New here?',
  register: 'Create an account',
  wrong: 'The name or the password is wrong.',
  forgotten: 'Forgotten your password? An administrator can send you a link to set a new one.',
}

export type SignInTexts = typeof en

const zhCN: SignInTexts = {
  title: '登录',
  login: '用户名或邮箱',
  password: '密码',
  submit: '登录',
  new: '还没有账户？',
  register: '注册',
  wrong: '用户名或密码错误。',
  forgotten: '忘记密码？管理员可以给你发送重设密码的链接。',
}

export const signInTexts: Both<SignInTexts> = { en, 'zh-CN': zhCN }
