// Texts of the playground and of the status of its programs, loaded with them.
import type { Both } from './messages'

const en = {
  tookBack: 'Your program is shown again. The other program is in the history.',
  playTab: 'Input and output',
  exit: (code: number) => `Ended with exit code ${code}`,
  failed: 'Cupel failed, not your program. Run it again.',
  options: {
    compiler: 'Compiler options',
    compilerHint: 'Added to the options of the language. A shared link does not include them.',
    unclosed: 'A quotation mark is not closed.',
    between: (least: number, most: number) => `At least ${least.toLocaleString('en')} and at most ${most.toLocaleString('en')} are allowed.`,
  },
}

export type PlayTexts = typeof en

const zhCN: PlayTexts = {
  tookBack: '已重新显示你的程序。另一个程序在历史中。',
  playTab: '输入与输出',
  exit: (code) => `以退出码 ${code} 结束`,
  failed: '出错的是 Cupel，不是你的程序。请再次运行。',
  options: {
    compiler: '编译选项',
    compilerHint: '附加在语言自带的选项之后。程序链接不保存这些选项。',
    unclosed: '引号没有闭合。',
    between: (least, most) => `允许 ${least} 到 ${most}。`,
  },
}

export const playTexts: Both<PlayTexts> = { en, 'zh-CN': zhCN }
