// The texts of the list's choice of tags, loaded with the list of problems.
import type { Both } from './messages'

const en = {
  tags: 'Tags',
  chosen: (n: number) => `Tags: ${n}`,
  search: 'Search tags',
  none: 'No tag has this name.',
  failed: 'The tags could not be read.',
  remove: (tag: string) => `Remove the tag ${tag}`,
  problems: (n: number) => (n === 1 ? '1 problem' : `${n} problems`),
  filters: 'Filters',
  signIn: 'Sign in to see what you have solved',
  signInDetail: 'This filter uses your own submissions.',
  intro: {
    guest: 'Cupel judges your programs: solve problems, try code in the playground, and take part in contests. You can run code without an account. Submitting and sharing need one.',
    other: 'Cupel judges your programs: solve problems, try code in the playground, and take part in contests. You need an account to run code.',
  },
}

export type ListTexts = typeof en

const zhCN: ListTexts = {
  tags: '标签',
  chosen: (n) => `标签：${n}`,
  search: '搜索标签',
  none: '没有这个名称的标签。',
  failed: '无法读取标签。',
  remove: (tag) => `移除标签 ${tag}`,
  problems: (n) => `${n} 道题`,
  filters: '筛选',
  signIn: '登录后查看你的解题情况',
  signInDetail: '此筛选依据你自己的提交。',
  intro: {
    guest: 'Cupel 是在线评测系统：在这里解题、在练习场中试写代码、参加比赛。无需账户即可运行代码，提交和分享需要账户。',
    other: 'Cupel 是在线评测系统：在这里解题、在练习场中试写代码、参加比赛。登录后可以运行和提交代码。',
  },
}

export const list: Both<ListTexts> = { en, 'zh-CN': zhCN }
