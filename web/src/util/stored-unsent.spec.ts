import { beforeEach, expect, test, vi } from 'vitest'
import { forgetUnsent, storeUnsent, unsentAt } from './stored-unsent'
import { stubStorage } from './stub-storage'

let stored: Map<string, string>

beforeEach(() => {
  stored = stubStorage('sessionStorage')
})

const solution = { slug: 'sums', language: 'python', source: 'print(1)' }
const found = (key: string, mayHaveArrived: boolean) => ({ kind: 'unsent', purpose: 'submission', solution, key, mayHaveArrived, isWaiting: false })

test('an unsent submission of each place is found again, with its idempotency key, until it is forgotten', () => {
  storeUnsent('ada//sums', { solution, key: 'one', mayHaveArrived: true })
  storeUnsent('ada//sums', { solution, key: 'one', mayHaveArrived: false })
  storeUnsent('ada/cup/sums', { solution, key: 'two', mayHaveArrived: true })
  expect([unsentAt('ada//sums'), unsentAt('ada/cup/sums'), unsentAt('bob//sums')]).toEqual([found('one', false), found('two', true), undefined])
  forgetUnsent('ada//sums')
  expect([unsentAt('ada//sums'), unsentAt('ada/cup/sums')]).toEqual([undefined, found('two', true)])
})

test('the answer to an earlier submission does not make the page forget a later one', () => {
  storeUnsent('ada//sums', { solution, key: 'later', mayHaveArrived: true })
  forgetUnsent('ada//sums', 'earlier')
  expect(unsentAt('ada//sums')).toEqual(found('later', true))
  forgetUnsent('ada//sums', 'later')
  expect(unsentAt('ada//sums')).toBeUndefined()
})

test('damaged data are ignored, and a browser without storage has no submission', () => {
  const whole = JSON.stringify({ solution, key: 'one', mayHaveArrived: true })
  for (const text of ['', '{', '[]', 'null', '1', '{"key":"one","mayHaveArrived":true}', whole.replace('"one"', '1'), whole.replace('"sums"', 'null'), whole.replace('true', '1')]) {
    stored.set('cupel.unsent/ada//sums', text)
    expect(unsentAt('ada//sums'), text).toBeUndefined()
  }
  vi.stubGlobal('sessionStorage', undefined)
  storeUnsent('ada//sums', { solution, key: 'one', mayHaveArrived: true })
  forgetUnsent('ada//sums')
  expect(unsentAt('ada//sums')).toBeUndefined()
})
