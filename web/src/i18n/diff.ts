// The texts of the comparison of two outputs, loaded with it.
import type { Both } from './messages'

const en = {
  same: 'The outputs are the same.',
  onlySpace: 'The outputs differ only in white space.',
  noLine: 'no such line',
  firstAt: (line: number) => `First difference in line ${line}.`,
  more: (lines: number) => (lines === 1 ? '1 more line is not shown.' : `${lines.toLocaleString('en')} more lines are not shown.`),
  truncated: 'The sample was cut off, so the comparison may be incomplete.',
  legend: 'White space in lines that differ: · space, → tab, ‹0D› carriage return.',
  next: 'Next difference',
  previous: 'Previous difference',
  only: 'Only differences',
  at: (n: number, all: number) => `Difference ${n} of ${all}`,
}

export type DiffTexts = typeof en

const zhCN: DiffTexts = {
  same: '两份输出相同。',
  onlySpace: '两份输出只有空白字符不同。',
  noLine: '没有此行',
  firstAt: (line) => `第一处不同在第 ${line} 行。`,
  more: (lines) => `还有 ${lines} 行未显示。`,
  truncated: '样例已截断，比较可能不完整。',
  legend: '不同的行会显示空白字符：· 空格，→ 制表符，‹0D› 回车符。',
  next: '下一处差异',
  previous: '上一处差异',
  only: '只看差异',
  at: (n, all) => `第 ${n} 处差异，共 ${all} 处`,
}

export const diffTexts: Both<DiffTexts> = { en, 'zh-CN': zhCN }
