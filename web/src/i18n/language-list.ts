// The texts of the list of languages, loaded with it.
import type { Both } from './messages'

const en = {
  search: 'Search languages',
  recent: 'Recently used',
  all: 'All languages',
  none: 'No language has this name.',
  unavailable: 'cannot run now',
  refused: 'not accepted here',
}

export type LanguageListTexts = typeof en

const zhCN: LanguageListTexts = {
  search: '搜索语言',
  recent: '最近使用',
  all: '所有语言',
  none: '没有这个名称的语言。',
  unavailable: '目前无法运行',
  refused: '本题不接受',
}

export const languageList: Both<LanguageListTexts> = { en, 'zh-CN': zhCN }
