import { expect, test } from 'vitest'
import { isTooLong } from './Field'

test('the length of a text is counted in characters, as the server counts it', () => {
  expect(isTooLong('a'.repeat(100), 100)).toBe(false)
  expect(isTooLong('a'.repeat(101), 100)).toBe(true)
  expect(isTooLong('😀'.repeat(100), 100)).toBe(false)
  expect(isTooLong('a'.repeat(101), undefined)).toBe(false)
})
