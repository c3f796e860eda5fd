import { expect, test } from 'vitest'
import { askedFault } from './asked-contest'

const participation = { kind: 'official', starts_at: '', ends_at: '' }
const problems = [{ label: 'A', slug: 'calm-water', title: 'Calm Water' }]

test('the page says why a problem is not shown as one of the contest in its address', () => {
  const of = (contest: Parameters<typeof askedFault>[0], status?: number) => askedFault(contest, status, 'calm-water')
  expect(of(undefined)).toBeUndefined()
  expect(of(undefined, 500)).toBeUndefined()
  expect(of(undefined, 404)).toBe('unknown')
  expect(of({ problems, participation, may_change: false })).toBeUndefined()
  expect(of({ problems: [], participation, may_change: false })).toBe('other')
  expect(of({ problems: null, participation: null, may_change: false })).toBe('outside')
  expect(of({ problems: null, participation, may_change: false })).toBe('later')
})
