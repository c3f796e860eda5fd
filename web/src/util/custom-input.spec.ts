import { expect, test } from 'vitest'
import { customInput, keepCustomInput, STORED_MAX } from './custom-input'
import { stubStorage } from './stub-storage'

const OF = { user: 'ann', slug: 'calm-water' }
const KEY = 'cupel.input/ann/calm-water'

test('the custom input is kept for each user and problem', () => {
  const stored = stubStorage('localStorage')
  expect(customInput(OF)).toBeUndefined()
  for (const input of [{ text: '+1\n', isUsed: true }, { text: '', isUsed: false }]) {
    expect(keepCustomInput(OF, input)).toEqual({ ...input, isStored: true })
    expect(customInput(OF)).toEqual({ ...input, isStored: true })
    expect(stored.get(KEY)).toBe((input.isUsed ? '+' : '-') + input.text)
  }
  expect(customInput({ ...OF, user: undefined })).toBeUndefined()
})

test('an input of an earlier page is found', () => {
  stubStorage('localStorage').set('cupel.input/bob/calm-water', '+-1\n')
  expect(customInput({ ...OF, user: 'bob' })).toEqual({ text: '-1\n', isUsed: true, isStored: true })
})

test('an input that the storage refuses stays on this page', () => {
  const stored = stubStorage('localStorage')
  keepCustomInput(OF, { text: 'short', isUsed: true })
  localStorage.setItem = () => {
    throw new Error('full')
  }
  const input = { text: 'longer', isUsed: true, isStored: false }
  expect(keepCustomInput(OF, input)).toEqual(input)
  expect(customInput(OF)).toEqual(input)
  expect(stored.has(KEY)).toBe(false)
})

test('a long input takes no room in the storage', () => {
  const stored = stubStorage('localStorage')
  for (const [length, isStored] of [[STORED_MAX, true], [STORED_MAX + 1, false]] as const) {
    const input = { text: 'x'.repeat(length), isUsed: true }
    expect(keepCustomInput(OF, input)).toEqual({ ...input, isStored })
    expect(customInput(OF)).toEqual({ ...input, isStored })
    expect(stored.has(KEY)).toBe(isStored)
  }
})
