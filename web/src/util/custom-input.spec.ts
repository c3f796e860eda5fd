import { expect, test, vi } from 'vitest'
import { customInput, keepCustomInput } from './custom-input'

test('the custom input is kept for each user and problem', () => {
  const stored = new Map<string, string>()
  vi.stubGlobal('localStorage', { getItem: (key: string) => stored.get(key) ?? null, setItem: (key: string, text: string) => stored.set(key, text) })
  const of = { user: 'ann', slug: 'calm-water' }
  expect(customInput(of)).toBeUndefined()
  for (const input of [{ text: '+1\n', isUsed: true }, { text: '', isUsed: false }]) {
    keepCustomInput(of, input)
    expect(customInput(of)).toEqual(input)
  }
  expect(customInput({ ...of, user: undefined })).toBeUndefined()
})
