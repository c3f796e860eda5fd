// The texts of the menu of the editor's settings, loaded with it.
import type { Both } from './messages'

const en = {
  keys: 'Keys',
  keyTexts: { standard: 'Standard', vim: 'Vim', emacs: 'Emacs' },
  tabWidth: 'Tab width',
  tabTexts: { language: 'Default of the language', '2': '2', '4': '4', '8': '8' },
  textSize: 'Text size',
  wrap: 'Wrap long lines',
}

export type EditorMenuTexts = typeof en

const zhCN: EditorMenuTexts = {
  keys: '按键',
  keyTexts: { standard: '标准', vim: 'Vim', emacs: 'Emacs' },
  tabWidth: '制表符宽度',
  tabTexts: { language: '按语言惯例', '2': '2', '4': '4', '8': '8' },
  textSize: '文字大小',
  wrap: '自动换行',
}

export const editorMenu: Both<EditorMenuTexts> = { en, 'zh-CN': zhCN }
