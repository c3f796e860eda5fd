// The texts of the part "Custom input" of a problem, loaded with it.
import type { Both } from './messages'

const en = {
  use: 'Run with this input instead of the samples',
  program: {
    label: 'Input for your program',
    hint: 'The right answer is not known, so the output is shown and not checked.',
  },
  interactor: {
    label: 'Input for the interactor',
    hint: 'The interactor of this problem reads the input, plays the other side and decides.',
  },
  notStored: 'This input is not stored, because it is too long, or the browser\'s storage is full or blocked. It is gone when you reload or leave the site.',
}

export type CustomInputTexts = typeof en

const zhCN: CustomInputTexts = {
  use: '运行时使用此输入而不是样例',
  program: {
    label: '程序的输入',
    hint: '正确答案未知，因此只显示输出，不作检查。',
  },
  interactor: {
    label: '交互器的输入',
    hint: '本题的交互器读取此输入，扮演另一方并给出结果。',
  },
  notStored: '此输入未被保存，因为它太长，或浏览器的存储空间已满或被禁用。刷新页面或离开本站后，它将丢失。',
}

export const customInputTexts: Both<CustomInputTexts> = { en, 'zh-CN': zhCN }
