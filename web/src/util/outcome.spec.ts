import { expect, test } from 'vitest'
import { exceptionMarks, hasRoundedFigures, hasRun, messageOf, notRun, partsOf, placeOfLines, plainExit, returnedIn, sentence, shownLength } from './outcome'

const shown = (message: string | null) => messageOf({ message })

test('a message that only repeats the number of the test is not shown', () => {
  for (const message of ['test 1 of 17', 'test 12 of 12', '', null]) expect(shown(message)).toBeUndefined()
})

test('a message is shown as a sentence without the number of the test', () => {
  expect(shown('test 2 of 17: word 3, line 2 of the output: expected "5", got "6"')).toBe('Word 3, line 2 of the output: expected "5", got "6"')
  expect(shown('test 1 of 2: test 3 of 4: no')).toBe('Test 3 of 4: no')
  expect(shown('memory limit of 256 MiB exceeded')).toBe('Memory limit of 256 MiB exceeded')
  expect(shown('time limit of 2000 ms exceeded')).toBe('Time limit of 2 s exceeded')
  expect(shown('wall time limit of 500 ms exceeded')).toBe('Wall time limit of 500 ms exceeded')
})

test('a name at the beginning of a message is not changed', () => {
  for (const text of ['main.cpp:3: error', 'iostream', 'IndexError: list index out of range', '错误']) expect(sentence(text)).toBe(text)
})

test('a program that was not compiled has no time and memory', () => {
  expect(['CE', 'CLE', 'WA', undefined].map((code) => hasRun(code as 'CE' | undefined))).toEqual([false, false, true, false])
})

test('figures are rounded if a hidden test ran, but not for the author', () => {
  const shown = { is_shown: true, verdict: 'WA' }
  const of = (verdict: string | null, isAuthor = false) => hasRoundedFigures([shown, { is_shown: false, verdict }], isAuthor)
  expect([of('AC'), of(null), of('SK'), of('AC', true), hasRoundedFigures([shown], false)]).toEqual([true, true, false, false, false])
})

test('a link to a line leads to the code that was judged', () => {
  const editor = { source: 'now', language: 'python' }
  const of = (sent: string, sentIn: string, isAgain: boolean, isOpened: boolean) => placeOfLines({ sent, sentIn, isAgain, isOpened }, editor)
  // The code was judged just now, and is then changed.
  expect([of('now', 'python', false, false), of('before', 'python', false, false), of('before', 'cpp', false, false)]).toEqual(['editor', 'editor', undefined])
  // An opened submission shows its source.
  expect([of('now', 'python', false, true), of('before', 'python', false, true), of('now', 'cpp', false, true)]).toEqual(['editor', 'submission', 'submission'])
  // A result that is shown again after a reload.
  expect([of('now', 'python', true, false), of('before', 'python', true, false)]).toEqual(['editor', undefined])
})

test('a plain exit code is no crash', () => {
  const ended = { verdict: 'RTE', exit_code: 3, signal: null, message: null }
  expect(plainExit(ended)).toBe(3)
  expect(plainExit({ ...ended, message: 'test 2 of 3: exit code 3' })).toBe(3)
  expect(plainExit({ ...ended, exit_code: 1, message: 'IndexError: list index out of range (line 3)' })).toBeUndefined()
  expect(plainExit({ ...ended, exit_code: null, signal: 11 })).toBeUndefined()
  expect(plainExit({ ...ended, verdict: 'AC', exit_code: 0 })).toBeUndefined()
})

test('the line of an exception is a link and a mark', () => {
  const message = 'test 1 of 2: ValueError: no (line 12)'
  expect(partsOf('ValueError: no (line 12)')).toEqual([{ text: 'ValueError: no ', line: undefined }, { text: '(line 12)', line: 12 }])
  expect(partsOf('ValueError: no (lib/a.py, line 12)')).toEqual([{ text: 'ValueError: no ', line: undefined }, { text: '(lib/a.py, line 12)', line: 12, file: 'lib/a.py' }])
  expect(exceptionMarks({ verdict: 'RTE', message: 'ValueError: no (a.py, line 12)' }, 'a.py', false)).toHaveLength(1)
  expect(exceptionMarks({ verdict: 'RTE', message: 'ValueError: no (a.py, line 12)' }, 'main.py')).toEqual([])
  expect(exceptionMarks({ verdict: 'RTE', message: 'ValueError: no (line 12)' }, 'a.py', false)).toEqual([])
  expect(partsOf('exit code 3')).toEqual([{ text: 'exit code 3', line: undefined }])
  expect(exceptionMarks({ verdict: 'RTE', message })).toEqual([{ line: 12, column: undefined, severity: 'error', message: 'ValueError: no (line 12)' }])
  expect(exceptionMarks({ verdict: 'WA', message: 'expected 3, got 4 (line 2)' })).toEqual([])
})

test('the returned value is read from a message only if the message has all of it', () => {
  expect(returnedIn('expected [2,4,3], got [] (0 elements instead of 3)', '[2, 4, 3]')).toBe('[]')
  expect(returnedIn('Expected 5, got 6', '5')).toBe('6')
  expect(returnedIn('at [1]: expected 4, got 5', '[2,4,3]')).toBeUndefined()
  expect(returnedIn('expected [1,2], got [1,2,3,4…', '[1,2]')).toBeUndefined()
})

test('tests at the end that were not run are counted and have no cell', () => {
  const tests = ['AC', 'SK', 'WA', 'SK', 'SK'].map((verdict) => ({ verdict }))
  expect([notRun(tests), shownLength(tests)]).toEqual([3, 3])
})
