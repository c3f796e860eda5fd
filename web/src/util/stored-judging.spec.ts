import { beforeEach, expect, test, vi } from 'vitest'
import { forgetJudging, storedJudging, storeJudging } from './stored-judging'
import { stubStorage } from './stub-storage'

let stored: Map<string, string>

beforeEach(() => {
  stored = stubStorage('sessionStorage')
})

test('the last run of each place is found again until it is forgotten, and not by another user or in another contest', () => {
  storeJudging('ada//sums', { id: 'one', purpose: 'samples' })
  storeJudging('ada//sums', { id: 'two', purpose: 'submission' })
  storeJudging('ada/cup/sums', { id: 'three', purpose: 'input' })
  expect(storedJudging('ada//sums')).toEqual({ id: 'two', purpose: 'submission' })
  expect(storedJudging('ada/cup/sums')).toEqual({ id: 'three', purpose: 'input' })
  expect(storedJudging('bob//sums')).toBeUndefined()
  forgetJudging('ada//sums')
  expect(storedJudging('ada//sums')).toBeUndefined()
  expect(storedJudging('ada/cup/sums')).toEqual({ id: 'three', purpose: 'input' })
})

test('damaged data are ignored, and a browser without storage has no run', () => {
  for (const text of ['', '{', '[]', 'null', '1', '{"id":1,"purpose":"samples"}', '{"id":"one"}', '{"id":"one","purpose":"other"}']) {
    stored.set('cupel.judged/ada//sums', text)
    expect(storedJudging('ada//sums'), text).toBeUndefined()
  }
  vi.stubGlobal('sessionStorage', undefined)
  storeJudging('ada//sums', { id: 'one', purpose: 'samples' })
  forgetJudging('ada//sums')
  expect(storedJudging('ada//sums')).toBeUndefined()
})
