// Texts of the settings of a terminal, loaded with it.
import type { Both } from './messages'

const en = {
  spoken: 'Read the terminal to a screen reader',
  text: 'Show as plain text',
  textLabel: 'Content of the terminal as plain text',
  keys: 'Keys of the terminal',
  tooMuch: 'Too much output to read out. Read the lines one by one.',
}

export type TerminalTexts = typeof en

const zhCN: TerminalTexts = {
  spoken: '由屏幕阅读器朗读终端',
  text: '显示为纯文本',
  textLabel: '终端内容（纯文本）',
  keys: '终端按键',
  tooMuch: '输出过多，无法朗读。请逐行阅读。',
}

export const terminalTexts: Both<TerminalTexts> = { en, 'zh-CN': zhCN }
