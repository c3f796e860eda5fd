// Questions of a contest: which entries are new for a user, and which read entries a browser stores.
import { describe, expect, it, vi } from 'vitest'
import { isWaiting, keysOf, merged, newsPoll, newSince, READ_MAX, remembered, unread, waitingFirst, type Entry } from './news'

const entry = (n: number, change: Partial<Entry> = {}): Entry => ({
  clarification_id: `01990000-0000-7000-8000-${String(n).padStart(12, '0')}`,
  kind: 'question',
  question: 'Why?',
  public: false,
  own: false,
  asked_at: '2026-01-01T00:00:00Z',
  ...change,
})
const answered = (n: number, change: Partial<Entry> = {}) => entry(n, { answer: 'So.', answered_at: '2026-01-01T00:01:00Z', ...change })
const announced = (n: number, change: Partial<Entry> = {}) => answered(n, { kind: 'announcement', question: '', public: true, ...change })

describe('news of a contest', () => {
  it('are answers and announcements of others, until they are read', () => {
    const entries = [entry(1, { own: true }), answered(2, { own: true }), announced(3), announced(4, { own: true })]
    expect(unread(entries, new Set()).map((one) => one.clarification_id.slice(-1))).toEqual(['2', '3'])
    expect(unread(entries, keysOf(remembered(entries, '')))).toEqual([])
  })

  it('include an answer again after a change', () => {
    const read = keysOf(remembered([answered(1)], ''))
    expect(unread([answered(1)], read)).toEqual([])
    expect(unread([answered(1, { answered_at: '2026-01-01T00:02:00Z' })], read)).toHaveLength(1)
  })

  it('of a virtual participant begin with the participation', () => {
    const own = (kind: string) => newSince({ kind, starts_at: '2026-01-01T00:01:30Z', ends_at: '2026-01-01T05:00:00Z' })
    const late = announced(2, { answered_at: '2026-01-01T00:02:00Z' })
    expect(unread([announced(1), late], new Set(), own('virtual'))).toEqual([late])
    expect([own('official'), newSince(null)]).toEqual([0, 0])
  })

  it('that were read are stored up to a bound, the latest first', () => {
    const many = Array.from({ length: READ_MAX }, (_, n) => announced(n))
    const before = remembered(many, '')
    const after = remembered([announced(READ_MAX)], before)
    expect(keysOf(after).size).toBe(READ_MAX)
    expect(unread([announced(READ_MAX), announced(0)], keysOf(after))).toEqual([])
    expect(unread([announced(READ_MAX - 1)], keysOf(after))).toHaveLength(1)
  })

  it('tolerate malformed stored data', () => {
    expect(keysOf('').size).toBe(0)
    expect(unread([announced(1)], keysOf('{"a": 1}'))).toHaveLength(1)
  })
})

describe('the list of an organizer', () => {
  it('has each entry once, newest first, although pages overlap', () => {
    const pages = [entry(4), entry(3), entry(3), entry(2)]
    expect(merged(pages, []).map((one) => Number(one.clarification_id.slice(-1)))).toEqual([4, 3, 2])
    expect(merged([answered(3)], [entry(3)])).toEqual([answered(3)])
  })

  it('keeps entries that the server omits after the end of the session', () => {
    const before = [announced(3, { asked_by: 'host' }), entry(2, { asked_by: 'asker' })]
    expect(merged([announced(3)], before)).toEqual(before)
  })

  it('begins with the unanswered questions, oldest first', () => {
    const entries = [announced(5), entry(4), answered(3), entry(2), answered(1)]
    expect(waitingFirst(entries).map((one) => Number(one.clarification_id.slice(-1)))).toEqual([2, 4, 5, 3, 1])
    expect(entries.filter(isWaiting)).toHaveLength(2)
  })
})

describe('the entries are read again', () => {
  const ends_at = '2026-01-01T05:00:00Z'
  const minutesAfter = (minutes: number) => vi.useFakeTimers({ now: Date.parse(ends_at) + minutes * 60_000 })
  const visitor = { phase: 'over', participation: null, may_change: false, ends_at } as const
  const part = (kind: string, ends_at: string) => ({ ...visitor, participation: { kind, starts_at: '2026-01-01T00:00:00Z', ends_at } })

  it('every few seconds while the time of the contest or of a virtual participation runs', () => {
    minutesAfter(-10)
    expect([false, true].map((isOpen) => newsPoll({ ...visitor, phase: 'running' }, [], isOpen))).toEqual([10_000, 3_000])
    minutesAfter(10)
    expect(newsPoll(part('virtual', '2026-01-01T06:00:00Z'), [], true)).toBe(3_000)
  })

  it('for an hour after the end, less often', () => {
    minutesAfter(59)
    expect([visitor, part('official', ends_at)].map((one) => newsPoll(one, [], true))).toEqual([30_000, 30_000])
    minutesAfter(61)
    expect([visitor, part('official', ends_at)].map((one) => newsPoll(one, [], true))).toEqual([false, false])
    expect(newsPoll(part('virtual', '2026-01-01T06:00:00Z'), [], true)).toBe(30_000)
  })

  it('as long as an own question waits for its answer', () => {
    minutesAfter(600)
    const poll = (one: Entry) => newsPoll(part('official', ends_at), [one], false)
    expect([entry(1, { own: true }), entry(1), answered(1, { own: true })].map(poll)).toEqual([30_000, false, false])
  })

  it('always for an organizer, because virtual participants ask questions', () => {
    minutesAfter(60_000)
    expect(newsPoll({ ...visitor, may_change: true }, [], false)).toBe(30_000)
  })
})
