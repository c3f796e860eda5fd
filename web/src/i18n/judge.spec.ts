import { expect, test } from 'vitest'
import list from '../../../crates/cupel-judge/src/judge/messages.txt?raw'
import { judgeMessage } from './judge'

const zh = (text: string) => judgeMessage(text, 'zh-CN')

test('messages of the standard checkers and of limits are translated', () => {
  expect(zh('Word 1, line 1 of the output: expected "10", got "9"')).toBe('输出的第 1 个词（第 1 行）：应为 "10"，实际为 "9"')
  expect(zh('word 2, line 3 of the output: expected "1.5", got "1.7", which is outside the tolerance')).toBe('输出的第 2 个词（第 3 行）：应为 "1.5"，实际为 "1.7"，超出允许的误差')
  expect(zh('Word 4, line 2 of the output: the output ends; expected "a b"')).toBe('输出的第 4 个词（第 2 行）：输出在此结束，应为 "a b"')
  expect(zh('Expected [1, 2], got [2, 1]')).toBe('应为 [1, 2]，实际为 [2, 1]')
  expect(zh('Idle limit of 3000 ms exceeded')).toBe('超出空闲时间限制（3000 ms）')
  expect(zh('memory limit of 256 MiB exceeded: HeapError')).toBe('超出内存限制（256 MiB）：HeapError')
  expect(zh('Disk limit of 64 MiB in 4096 files exceeded')).toBe('超出磁盘限制（64 MiB，4096 个文件）')
})

test('other messages, and all messages in English, are unchanged', () => {
  for (const text of ['wrong answer: the path is not connected', 'IndexError: list index out of range (line 3)', '']) expect(zh(text)).toBe(text)
  expect(judgeMessage('Idle limit of 3000 ms exceeded', 'en')).toBe('Idle limit of 3000 ms exceeded')
})

test('every message that the judge lists is translated, also as a sentence', () => {
  const messages = list.trimEnd().split('\n')
  expect(messages.length).toBeGreaterThan(15)
  for (const message of messages) {
    for (const written of [message, message.charAt(0).toUpperCase() + message.slice(1)]) {
      expect(zh(written), written).not.toMatch(/\b(word|line|expected|got|output|limit|exceeded|right)\b/i)
    }
  }
})
