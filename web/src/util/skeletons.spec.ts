import { expect, test } from 'vitest'
import { startOf } from './skeletons'

test('only a problem without starter code begins with the frame of a program', () => {
  expect(startOf({ starter_code: [] }, { language_id: 'python' })).toMatch(/^def main/)
  expect(startOf({ starter_code: [] }, { language_id: 'brainfuck' })).toBe('')
  const starter_code = [{ language: 'python', code: 'def solve(a): ...' }]
  expect([startOf({ starter_code }, { language_id: 'python' }), startOf({ starter_code }, { language_id: 'c' })]).toEqual(['def solve(a): ...', ''])
})
