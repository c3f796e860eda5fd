// The texts about a language that cannot run now, loaded with them.
import type { Both } from './messages'

const en = {
  unavailable: (language: string) => `${language} cannot run on this server now.`,
  refused: (language: string) => `This problem does not accept ${language}. Choose another language to run and submit.`,
  kept: 'Your code is kept.',
  reason: 'The server says:',
  check: 'Check again',
  same: 'Checked again: nothing has changed.',
}

export type CannotRunTexts = typeof en

const zhCN: CannotRunTexts = {
  unavailable: (language) => `此服务器目前无法运行 ${language}。`,
  refused: (language) => `本题不接受 ${language}。请选择其他语言来运行和提交。`,
  kept: '你的代码已保留。',
  reason: '服务器的说明：',
  check: '重新检查',
  same: '已重新检查，没有变化。',
}

export const cannotRunTexts: Both<CannotRunTexts> = { en, 'zh-CN': zhCN }
