import { beforeEach, expect, test, vi } from 'vitest'
import type { Schema } from '../api/client'
import { changeDraft, keepLanguage } from './drafts'
import { firstLanguage, offered, unlisted, whyNot } from './language-choice'

const PLACE = { user: 'ada', slug: 'sum' }

beforeEach(() => {
  const kept = new Map<string, string>()
  vi.stubGlobal('localStorage', {
    getItem: (key: string) => kept.get(key) ?? null,
    setItem: (key: string, value: string) => kept.set(key, value),
    removeItem: (key: string) => kept.delete(key),
  })
})

/** Languages by their ids. One with a `-` in front is not available. */
const languages = (...ids: string[]) =>
  ids.map((id) => ({ language_id: id.replace('-', ''), available: !id.startsWith('-'), unavailable_reason: id.startsWith('-') ? 'no worker has this language' : null }) as Schema['LanguageView'])

const write = (language: string) => changeDraft({ ...PLACE, language }, 'code', 'start', null)

test('the editor begins with the language last used, else with Python, else with any language that can run', () => {
  expect(firstLanguage(PLACE, languages('c', 'python'))).toBe('python')
  expect(firstLanguage(PLACE, languages('c', 'go'))).toBe('c')
  expect(firstLanguage(PLACE, languages('-c', 'go'))).toBe('go')
  keepLanguage('other', 'c')
  expect(firstLanguage(PLACE, languages('c', 'python'))).toBe('c')
  expect(firstLanguage(PLACE, languages('-c', 'python'))).toBe('python')
})

test('in a new browser, the editor begins with the language of the last submission to the problem', () => {
  keepLanguage('other', 'go')
  expect(firstLanguage(PLACE, languages('c', 'go', 'python'), null, 'c')).toBe('c')
  keepLanguage(PLACE.slug, 'python')
  expect(firstLanguage(PLACE, languages('c', 'go', 'python'), null, 'c')).toBe('python')
})

test('a language with the user\'s code stays, although it is unavailable, no longer accepted or no longer listed', () => {
  write('c')
  keepLanguage(PLACE.slug, 'c')
  expect(firstLanguage(PLACE, languages('-c', 'python'))).toBe('c')
  expect(firstLanguage(PLACE, languages('c', 'python'), ['python'])).toBe('c')
  expect(firstLanguage(PLACE, languages('python'))).toBe('c')
})

test('code in a language that the user never chose is found', () => {
  write('go')
  expect(firstLanguage(PLACE, languages('-c', '-go'))).toBe('go')
})

test('without a language that can run, the editor has one that the problem accepts', () => {
  expect(firstLanguage(PLACE, languages('-c', '-python'), ['python'])).toBe('python')
  expect(firstLanguage(PLACE, languages('-c'), ['python'])).toBeUndefined()
  expect(firstLanguage(PLACE, [])).toBeUndefined()
})

test('if no language can run now, the editor still begins with the language last used, else with Python', () => {
  expect(firstLanguage(PLACE, languages('-c', '-go', '-python'))).toBe('python')
  keepLanguage('other', 'go')
  expect(firstLanguage(PLACE, languages('-c', '-go', '-python'))).toBe('go')
  expect(firstLanguage(PLACE, languages('-c', '-go', '-python'), ['c', 'python'])).toBe('python')
  expect(firstLanguage(PLACE, languages('-c', '-ruby'))).toBe('c')
})

test('the list has the languages that can run, the chosen one, and those with the user\'s code', () => {
  const ids = (chosen?: string, accepted?: string[]) => offered(PLACE, languages('c', '-go', 'python', '-ruby'), accepted, chosen).map((one) => one.language_id)
  expect(ids()).toEqual(['c', 'python'])
  expect(ids('ruby', ['c'])).toEqual(['c', 'ruby'])
  write('go')
  expect(ids()).toEqual(['c', 'go', 'python'])
})

test('the reason is the server\'s, or that the problem does not accept the language', () => {
  const [c, go] = languages('c', '-go')
  if (c === undefined || go === undefined) throw new Error('no languages')
  expect(whyNot(c)).toBeUndefined()
  expect(whyNot(c, ['go'])).toEqual({ why: 'refused', reason: undefined })
  expect(whyNot(go)).toEqual({ why: 'unavailable', reason: 'no worker has this language' })
  expect(whyNot(unlisted('lost', c))).toEqual({ why: 'unavailable', reason: undefined })
  expect(unlisted('lost', { ...c, version_of: 'cpp' }).version_of).toBe(null)
})

test('a language whose image is being pulled can be used', () => {
  const [pulled] = languages('-c')
  expect(whyNot({ ...pulled!, pulling: true })).toBeUndefined()
  expect(whyNot({ ...pulled!, pulling: false })?.why).toBe('unavailable')
})
