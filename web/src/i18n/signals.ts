// The signals that end programs, loaded with the first of them.
import { signalName } from '../util/signals'
import type { Both } from './messages'

/** What the signals of crashes mean. */
const MEANINGS: Record<number, string> = { 4: 'illegal instruction', 6: 'abort', 7: 'bus error', 8: 'arithmetic error, such as a division by zero', 9: 'killed', 11: 'segmentation fault', 15: 'termination' }
const MEANINGS_ZH: typeof MEANINGS = { 4: '非法指令', 6: '异常中止', 7: '总线错误', 8: '算术错误，例如除以零', 9: '强制结束', 11: '段错误', 15: '终止' }

const en = (signal: number): string => {
  const name = [signalName(signal), MEANINGS[signal]].filter(Boolean).join(', ')
  return name === '' ? `Ended by signal ${signal}` : `Ended by signal ${signal} (${name})`
}

const zhCN = (signal: number): string => {
  const name = [signalName(signal), MEANINGS_ZH[signal]].filter(Boolean).join('，')
  return name === '' ? `被信号 ${signal} 终止` : `被信号 ${signal} 终止（${name}）`
}

export const signalTexts: Both<(signal: number) => string> = { en, 'zh-CN': zhCN }
