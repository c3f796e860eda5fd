import { expect, test } from 'vitest'
import list from '../../../crates/cupel-judge/src/judge/messages.txt?raw'
import { en } from './en'
import { judgeZh as zh } from './judge'

/** Of Node.js, whose types the site does not have. */
declare const process: { cpuUsage: (since?: object) => { user: number; system: number } }

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
  expect(en.judge('Idle limit of 3000 ms exceeded')).toBe('Idle limit of 3000 ms exceeded')
})

test('a message inside of other text is translated with the text around it', () => {
  expect(zh('test 2: word 2, line 1 of the output: trailing output "9"')).toBe('测试 2：输出的第 2 个词（第 1 行）：多余的输出 "9"')
  expect(zh('Test 3 of 4: time limit of 1000 ms exceeded')).toBe('第 3 个测试（共 4 个）：超出时间限制（1000 ms）')
  expect(zh('At [0]["a: b"]: expected 1, got 2')).toBe('位置 [0]["a: b"]：应为 1，实际为 2')
  expect(zh('expected [1, 2], got [1] (1 element instead of 2)')).toBe('应为 [1, 2]，实际为 [1]（1 个元素，应为 2 个）')
  expect(zh('Call 2 (pop("x")): at [1]: expected [3], got [] (0 elements instead of 1)')).toBe('第 2 次调用（pop("x")）：位置 [1]：应为 [3]，实际为 []（0 个元素，应为 1 个）')
  expect(zh('Call 1 (all()): 3 is missing')).toBe('第 1 次调用（all()）：缺少 3')
  expect(zh('line 3: expected 1, got 2')).toBe('第 3 行：应为 1，实际为 2')
  expect(zh('check.py: none of 2 lines is correct')).toBe('check.py：2 行都不正确')
  expect(zh('test a: word 1, line 2 of the output: expected "10", got "9"; time limit of 3000 ms for all executions of the run exceeded; the last test was skipped')).toBe(
    '测试 a：输出的第 1 个词（第 2 行）：应为 "10"，实际为 "9"；超出所有执行的总时间限制（3000 ms）；最后 1 个测试被跳过',
  )
  expect(zh('time limit of 3000 ms for all executions of the run exceeded; the last 2 tests were skipped')).toBe('超出所有执行的总时间限制（3000 ms）；最后 2 个测试被跳过')
})

test('text around a message without a known form is unchanged', () => {
  for (const text of ['line 3: the path is not connected', 'test 1: no', 'node 3 is missing', 'No; the last test was skipped']) expect(zh(text)).toBe(text)
})

test('a message with many frames takes little time', () => {
  const text = `${'a: '.repeat(500)}no${' (1 element instead of 2)'.repeat(500)}`
  // CPU time, because the machine may stall.
  const begun = process.cpuUsage()
  expect(zh(text)).toBe(text)
  const { user, system } = process.cpuUsage(begun)
  expect(user + system).toBeLessThan(1_000_000)
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
