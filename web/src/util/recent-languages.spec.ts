import { beforeEach, expect, test, vi } from 'vitest'
import { RECENT_MAX, recentLanguages, rememberLanguage } from './recent-languages'

const kept = new Map<string, string>()
beforeEach(() => {
  kept.clear()
  vi.stubGlobal('localStorage', { getItem: (key: string) => kept.get(key) ?? null, setItem: (key: string, value: string) => kept.set(key, value) })
})

test('the languages that were chosen last come first, each once, and only a few', () => {
  for (const id of ['c', 'cpp', 'go', 'c', 'rust', 'java', 'python']) rememberLanguage(id)
  expect(recentLanguages()).toEqual(['python', 'java', 'rust', 'c', 'go'])
  expect(recentLanguages()).toHaveLength(RECENT_MAX)
})

test('what another program has written there is no list of languages', () => {
  for (const text of ['{', 'null', '{"a":1}', '[1,{"b":2}]']) {
    kept.set('cupel.languages-recent', text)
    expect(recentLanguages()).toEqual([])
  }
})
