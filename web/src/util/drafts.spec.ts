import { beforeEach, expect, test, vi } from 'vitest'
import { draft, draftBefore, forgetBefore, handOver, keepDraft } from './drafts'

const OF = { user: 'ada', slug: '(playground)', language: 'python' }

beforeEach(() => {
  const kept = new Map<string, string>()
  vi.stubGlobal('localStorage', {
    getItem: (key: string) => kept.get(key) ?? null,
    setItem: (key: string, value: string) => kept.set(key, value),
    removeItem: (key: string) => kept.delete(key),
  })
})

test('a text that is handed over keeps what the person wrote before, also after another one', () => {
  keepDraft(OF, 'mine', 'start')
  expect(handOver(OF, 'shared', 'start')).toBe(true)
  expect([draft(OF), draftBefore(OF)]).toEqual(['shared', 'mine'])
  handOver(OF, 'another', 'start')
  expect([draft(OF), draftBefore(OF)]).toEqual(['another', 'mine'])
  forgetBefore(OF)
  keepDraft(OF, 'changed', 'start')
  handOver(OF, 'third', 'start')
  expect(draftBefore(OF)).toBe('changed')
})

test('the starting code and an equal text are not kept as work', () => {
  handOver(OF, 'shared', 'start')
  expect(draftBefore(OF)).toBe(null)
  keepDraft(OF, 'shared', 'start')
  handOver(OF, 'shared', 'start')
  expect(draftBefore(OF)).toBe(null)
})

test('nothing is replaced if the browser cannot keep the text before', () => {
  keepDraft(OF, 'mine', 'start')
  vi.stubGlobal('localStorage', {
    getItem: localStorage.getItem,
    setItem: () => {
      throw new Error('full')
    },
    removeItem: () => undefined,
  })
  expect(handOver(OF, 'shared', 'start')).toBe(false)
  expect(draft(OF)).toBe('mine')
})
