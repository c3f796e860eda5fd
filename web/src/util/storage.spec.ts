import { expect, test, vi } from 'vitest'
import { keepChoice, storedChoice } from '../hooks/useChoice'
import { choose, chosen, remove } from './storage'
import { stubStorage } from './stub-storage'

const refuse = () => {
  localStorage.setItem = () => {
    throw new Error('full')
  }
}

test('a choice holds for the page if the storage refuses it', () => {
  const stored = stubStorage('localStorage')
  keepChoice('a', 'old')
  refuse()
  keepChoice('a', 'new')
  expect(storedChoice('a', ['first', 'old', 'new'])).toBe('new')
  expect(stored.get('a')).toBe('old')
  remove('a')
  expect(chosen('a')).toBeNull()
})

test('a choice that the storage takes replaces one that it has refused', () => {
  const stored = stubStorage('localStorage')
  const { setItem } = localStorage
  refuse()
  choose('a', '1')
  localStorage.setItem = setItem
  choose('a', '2')
  expect(chosen('a')).toBe('2')
  stored.set('a', '3')
  expect(chosen('a')).toBe('3')
})

test('a choice of another tab replaces one that the storage has refused', async () => {
  const heard: ((event: { key: string }) => void)[] = []
  vi.stubGlobal('addEventListener', (_: string, listener: (event: { key: string }) => void) => heard.push(listener))
  const stored = stubStorage('localStorage')
  vi.resetModules()
  const page = await import('./storage')
  refuse()
  page.choose('a', 'mine')
  stored.set('a', 'theirs')
  expect(page.chosen('a')).toBe('mine')
  for (const listener of heard) listener({ key: 'a' })
  expect(page.chosen('a')).toBe('theirs')
})
