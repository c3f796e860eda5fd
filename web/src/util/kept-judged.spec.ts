import { beforeEach, expect, test, vi } from 'vitest'
import { forgetJudged, judgedAt, keepJudged } from './kept-judged'

const stored = new Map<string, string>()

beforeEach(() => {
  stored.clear()
  vi.stubGlobal('sessionStorage', {
    getItem: (key: string) => stored.get(key) ?? null,
    setItem: (key: string, value: string) => stored.set(key, value),
    removeItem: (key: string) => stored.delete(key),
  })
})

test('the last run of each place is found again until it is forgotten, and not by another user or in another contest', () => {
  keepJudged('ada//sums', { id: 'one', purpose: 'samples' })
  keepJudged('ada//sums', { id: 'two', purpose: 'submission' })
  keepJudged('ada/cup/sums', { id: 'three', purpose: 'input' })
  expect(judgedAt('ada//sums')).toEqual({ id: 'two', purpose: 'submission' })
  expect(judgedAt('ada/cup/sums')).toEqual({ id: 'three', purpose: 'input' })
  expect(judgedAt('bob//sums')).toBeUndefined()
  forgetJudged('ada//sums')
  expect(judgedAt('ada//sums')).toBeUndefined()
  expect(judgedAt('ada/cup/sums')).toEqual({ id: 'three', purpose: 'input' })
})

test('damaged data are ignored, and a browser without storage has no run', () => {
  for (const text of ['', '{', '[]', 'null', '1', '{"id":1,"purpose":"samples"}', '{"id":"one"}', '{"id":"one","purpose":"other"}']) {
    stored.set('cupel.judged/ada//sums', text)
    expect(judgedAt('ada//sums'), text).toBeUndefined()
  }
  vi.stubGlobal('sessionStorage', undefined)
  keepJudged('ada//sums', { id: 'one', purpose: 'samples' })
  forgetJudged('ada//sums')
  expect(judgedAt('ada//sums')).toBeUndefined()
})
