import { beforeEach, expect, test, vi } from 'vitest'
import { RECENT_MAX, recentLanguages, rememberLanguage } from './recent-languages'

const kept = new Map<string, string>()
beforeEach(() => {
  kept.clear()
  vi.stubGlobal('localStorage', { getItem: (key: string) => kept.get(key) ?? null, setItem: (key: string, value: string) => kept.set(key, value) })
})

test('the most recent languages come first, without duplicates and up to a maximum', () => {
  for (const id of ['c', 'cpp', 'go', 'c', 'rust', 'java', 'python']) rememberLanguage(id)
  expect(recentLanguages()).toEqual(['python', 'java', 'rust', 'c', 'go'])
  expect(recentLanguages()).toHaveLength(RECENT_MAX)
})

test('malformed stored data are ignored', () => {
  for (const text of ['{', 'null', '{"a":1}', '[1,{"b":2}]']) {
    kept.set('cupel.languages-recent', text)
    expect(recentLanguages()).toEqual([])
  }
})
