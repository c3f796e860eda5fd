import { expect, test } from 'vitest'
import { fields } from '../i18n/fields'
import { isTooLong, refusal } from './Field'

test('the length of a text is counted in characters, as the server counts it', () => {
  expect(isTooLong('a'.repeat(100), 100)).toBe(false)
  expect(isTooLong('a'.repeat(101), 100)).toBe(true)
  expect(isTooLong('😀'.repeat(100), 100)).toBe(false)
  expect(isTooLong('a'.repeat(101), undefined)).toBe(false)
})

test('a refused character is named, also one that is not visible', () => {
  const refusedIn = (value: string) =>
    refusal({ validity: { patternMismatch: true } as ValidityState, minLength: -1, validationMessage: '', value, pattern: String.raw`\s*[a-z\-]*\s*` }, fields.en)
  expect(refusedIn('adä')).toBe('“ä” is not allowed here.')
  expect(refusedIn('ad\u202ea')).toBe('“‹U+202E›” is not allowed here.')
  expect(refusedIn('ad a')).toBe('Spaces are not allowed here.')
})
