import { expect, test, vi } from 'vitest'
import { verdictPoll } from './verdict-poll'

test('a list of submissions is read again while one of them is judged, less often if that takes minutes', () => {
  vi.useFakeTimers({ now: Date.parse('2026-01-01T00:10:00Z') })
  const judged = { verdict: 'AC', submitted_at: '2026-01-01T00:09:59Z' }
  const [old, recent] = ['00:01:00', '00:09:00'].map((time) => ({ verdict: null, submitted_at: `2026-01-01T${time}Z` }))
  expect([undefined, [], [judged]].map(verdictPoll)).toEqual([false, false, false])
  expect([verdictPoll([judged, recent!, old!]), verdictPoll([judged, old!])]).toEqual([3_000, 30_000])
})
