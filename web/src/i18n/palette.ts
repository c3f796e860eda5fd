// The texts of the command palette, loaded with it.
import type { Both } from './messages'

const en = {
  title: 'Search and commands',
  placeholder: 'Problem, contest or command',
  groups: { here: 'This page', pages: 'Pages', problems: 'Problems', contests: 'Contests', commands: 'Commands' },
  theme: (name: string) => `Theme: ${name}`,
  language: (name: string) => `Language: ${name}`,
  programs: 'Shared programs',
  security: 'Password and sessions',
  apiKeys: 'API keys',
  searching: 'Searching',
  found: (n: number) => (n === 1 ? '1 result' : `${n} results`),
  none: 'Nothing matches',
  noneDetail: 'Search for a word of a title.',
  failed: 'Problems and contests could not be loaded.',
  keys: 'Arrow keys choose, Enter opens, Esc closes.',
}

export type PaletteTexts = typeof en

const zhCN: PaletteTexts = {
  title: '搜索与命令',
  placeholder: '题目、比赛、页面或命令',
  groups: { here: '本页', pages: '页面', problems: '题目', contests: '比赛', commands: '命令' },
  theme: (name) => `主题：${name}`,
  language: (name) => `语言：${name}`,
  programs: '分享的程序',
  security: '密码与会话',
  apiKeys: 'API 密钥',
  searching: '正在搜索',
  found: (n) => `${n} 个结果`,
  none: '没有匹配项',
  noneDetail: '请搜索标题中的词。',
  failed: '无法向服务器查询题目和比赛。',
  keys: '方向键选择，回车打开，Esc 关闭。',
}

export const palette: Both<PaletteTexts> = { en, 'zh-CN': zhCN }
