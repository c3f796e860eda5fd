import { expect, test } from 'vitest'
import { hasRoundedFigures, hasRun, messageOf, sentence } from './outcome'

const shown = (message: string | null) => messageOf({ message })

test('a message that only repeats the number of the test is not shown', () => {
  for (const message of ['test 1 of 17', 'test 12 of 12', '', null]) expect(shown(message)).toBeUndefined()
})

test('a message is shown as a sentence without the number of the test', () => {
  expect(shown('test 2 of 17: word 3, line 2 of the output: expected "5", got "6"')).toBe('Word 3, line 2 of the output: expected "5", got "6"')
  expect(shown('test 1 of 2: test 3 of 4: no')).toBe('Test 3 of 4: no')
  expect(shown('memory limit of 256 MiB exceeded')).toBe('Memory limit of 256 MiB exceeded')
})

test('a name at the beginning of a message is not changed', () => {
  for (const text of ['main.cpp:3: error', 'iostream', 'IndexError: list index out of range', '错误']) expect(sentence(text)).toBe(text)
})

test('a program that was not compiled has no time and memory', () => {
  expect(['CE', 'CLE', 'WA', undefined].map((code) => hasRun(code as 'CE' | undefined))).toEqual([false, false, true, false])
})

test('figures are rounded if a test is hidden, but not for the author', () => {
  const tests = [{ is_shown: true }, { is_shown: false }]
  expect([hasRoundedFigures(tests, false), hasRoundedFigures(tests, true), hasRoundedFigures([{ is_shown: true }], false)]).toEqual([true, false, false])
})
