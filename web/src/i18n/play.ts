// Texts of the playground and of the status of its programs, loaded with them.
import type { Both } from './messages'

const en = {
  fork: 'Fork',
  forkHint: 'Continue with your own copy in the playground',
  openHere: 'Open in Cupel',
  download: 'Download as ZIP',
  shareHint: 'Make a link to this program',
  replaced: 'Another program was loaded here. Your own program is kept.',
  takeBack: 'Show it again',
  dropBefore: 'Discard it',
  split: 'Width of the editor',
  tookBack: 'Your program is shown again. The other program is in the history.',
  playTab: 'Input and output',
  settings: 'Arguments, files and limits',
  textLabel: 'Text for the program to read',
  exit: (code: number) => `Ended with exit code ${code}`,
  failed: 'Cupel failed, not your program. Run it again.',
  stopsLater: 'The program is stopped when the connection is back.',
  options: {
    compiler: 'Compiler options',
    compilerHint: 'Added to the options of the language. A shared link does not include them.',
    unclosed: 'A quotation mark is not closed.',
    argsHint: 'Separated by spaces; quotes keep spaces together.',
    atMost: (most: string) => `at most ${most}`,
    between: (least: number, most: number) => `At least ${least.toLocaleString('en')} and at most ${most.toLocaleString('en')} are allowed.`,
  },
}

export type PlayTexts = typeof en

const zhCN: PlayTexts = {
  fork: '创建副本',
  forkHint: '在练习场中继续编辑你自己的副本',
  openHere: '在 Cupel 中打开',
  download: '下载 ZIP',
  shareHint: '为此程序生成链接',
  replaced: '这里放入了另一个程序。你的程序已保留。',
  takeBack: '重新显示',
  dropBefore: '丢弃',
  split: '编辑器宽度',
  tookBack: '已重新显示你的程序。另一个程序在历史中。',
  playTab: '输入与输出',
  settings: '参数、文件和限制',
  textLabel: '供程序读取的文本',
  exit: (code) => `以退出码 ${code} 结束`,
  failed: '出错的是 Cupel，不是你的程序。请再次运行。',
  stopsLater: '恢复连接后会停止程序。',
  options: {
    compiler: '编译选项',
    compilerHint: '附加在语言自带的选项之后。程序链接不保存这些选项。',
    unclosed: '引号没有闭合。',
    argsHint: '用空格分隔；引号内的空格会保留。',
    atMost: (most) => `最多 ${most}`,
    between: (least, most) => `允许 ${least} 到 ${most}。`,
  },
}

export const playTexts: Both<PlayTexts> = { en, 'zh-CN': zhCN }
