// Contests: the server's clock, durations, and cells of the standings.
import { describe, expect, it } from 'vitest'
import { lengthOf, noteServerTime, remaining, serverNow } from './clock'
import { awaitsResults, contestTime, countsIn, hasRank, isFirst, isFrozenAfterEnd, isRunning, points, shortOf, solvedBy, stateOf, type Cell } from './standings'

describe("the server's clock", () => {
  it('is the most exact time of its responses, and follows a change of the device\'s clock', () => {
    const server = Date.parse('2026-01-01T00:00:10Z')
    noteServerTime(null, 0)
    expect(serverNow(5)).toBe(5)
    noteServerTime('Thu, 01 Jan 2026 00:00:10 GMT', server - 60_000)
    // A late response has an older time, so it is ignored.
    noteServerTime('Thu, 01 Jan 2026 00:00:10 GMT', server - 58_000)
    expect(serverNow(server - 60_000)).toBe(server)
    noteServerTime('Thu, 01 Jan 2026 00:00:10 GMT', server + 3_600_000)
    expect(serverNow(server + 3_600_000)).toBe(server)
  })
})

describe('a time', () => {
  it('that remains is never negative, is rounded down, and shows days only if there are any', () => {
    expect([remaining(-5), remaining(61_000), remaining(3_723_999), remaining(183_845_000)]).toEqual(['0:00:00', '0:01:01', '1:02:03', '2 d 03:04:05'])
  })

  it('of a contest has its largest units', () => {
    expect([lengthOf(18_000), lengthOf(5_400), lengthOf(90_061), lengthOf(0)]).toEqual(['5 h', '1 h 30 min', '1 d 1 h 1 min 1 s', '0 s'])
    expect([lengthOf(5_400, 'zh-CN'), remaining(183_845_000, 'zh-CN')]).toEqual(['1 小时 30 分钟', '2 天 03:04:05'])
    expect([contestTime(59), contestTime(3_900)]).toEqual(['0:00', '1:05'])
  })
})

describe('a cell of the standings', () => {
  const cell = (change: Partial<Cell>): Cell => ({ tries: 0, pending: 0, first: false, ...change })

  it('may change after the end while the freeze hides results or submissions are not judged', () => {
    const row = (pending: number) => ({ problems: [cell({}), cell({ pending })] })
    const of = (frozen: boolean, pending: number) => awaitsResults({ frozen, rows: [row(0), row(pending)] })
    expect([of(true, 0), of(false, 1), of(false, 0), awaitsResults({ frozen: false, rows: [] })]).toEqual([true, true, false, false])
  })

  it('shows the tries, and that a result is hidden', () => {
    const texts = (change: Partial<Cell>) => [stateOf(cell(change)), shortOf(cell(change))]
    expect(texts({})).toEqual(['none', ''])
    expect(texts({ tries: 1, solved_at_seconds: 60 })).toEqual(['solved', '+'])
    expect(texts({ tries: 3, solved_at_seconds: 60 })).toEqual(['solved', '+2'])
    expect(texts({ tries: 3 })).toEqual(['rejected', '−3'])
    expect(texts({ tries: 2, pending: 1 })).toEqual(['pending', '−2 ?1'])
    expect(texts({ pending: 4 })).toEqual(['pending', '?4'])
  })

  it('shows points in contests with points', () => {
    const texts = (change: Partial<Cell>) => [stateOf(cell(change)), shortOf(cell(change))]
    expect(texts({ tries: 2, score: 33.3333, solved_at_seconds: 5 })).toEqual(['partial', '33.33'])
    expect(texts({ tries: 2, score: 0 })).toEqual(['rejected', '0'])
    expect(texts({ tries: 0, score: 0 })).toEqual(['none', ''])
    expect(texts({ tries: 1, score: 40, pending: 2 })).toEqual(['pending', '40 ?2'])
    expect(texts({ tries: 0, pending: 1 })).toEqual(['pending', '?1'])
    expect(texts({ tries: 3, score: 100, solved_at_seconds: 600 })).toEqual(['partial', '100'])
    expect(texts({ tries: 1, score: 0.004 })).toEqual(['partial', '0'])
  })

  it('shows at most two decimals of the points', () => {
    expect([points(0), points(100), points(12.5), points(1 / 3), points(99.999)]).toEqual(['0', '100', '12.5', '0.33', '100'])
  })

  it('marks a first solution only in contests without points', () => {
    expect(isFirst(cell({ tries: 1, solved_at_seconds: 60, first: true }))).toBe(true)
    expect(isFirst(cell({ tries: 1, solved_at_seconds: 60 }))).toBe(false)
    expect(isFirst(cell({ tries: 1, solved_at_seconds: 60, score: 25, first: true }))).toBe(false)
    expect(isFirst(cell({ tries: 1, solved_at_seconds: 60, score: 0, first: true }))).toBe(false)
  })
})

describe('the time of a participant', () => {
  const contest = (phase: string, participation?: { kind: string; starts_at: string; ends_at: string }) => ({ phase, participation }) as Parameters<typeof isRunning>[0]
  const own = (kind: string, ends_at: string) => ({ kind, starts_at: '2026-01-01T00:00:00Z', ends_at })

  it('is the contest\'s time, or a separate time for virtual participation', () => {
    expect(isRunning(contest('running'))).toBe(false)
    expect(isRunning(contest('running', own('official', '2020-01-01T00:00:00Z')))).toBe(true)
    expect(isRunning(contest('over', own('official', '2999-01-01T00:00:00Z')))).toBe(false)
    expect(isRunning(contest('over', own('virtual', '2999-01-01T00:00:00Z')))).toBe(true)
    expect(isRunning(contest('over', own('virtual', '2000-01-01T00:00:00Z')))).toBe(false)
  })
})

describe('rows of the standings', () => {
  const row = (kind: string, solved: boolean) => ({ kind, problems: [{ tries: 1, pending: 0, first: false, ...(solved && { solved_at_seconds: 60 }) }] })

  it('of virtual participants have no rank', () => {
    expect([hasRank({ kind: 'official' }), hasRank({ kind: 'virtual' })]).toEqual([true, false])
  })

  it('tell how many have solved a problem', () => {
    expect(solvedBy([row('official', true), row('virtual', true), row('official', false)], 0)).toBe(2)
    expect(solvedBy([], 0)).toBe(0)
  })
})

describe('a freeze', () => {
  it('can be lifted after the end, if there is one', () => {
    const of = (phase: string, freeze_seconds: number | null, unfrozen: boolean) => isFrozenAfterEnd({ phase, freeze_seconds, unfrozen })
    expect([of('over', 60, false), of('over', 60, true), of('over', null, false), of('running', 60, false), of('upcoming', 60, false)]).toEqual([true, false, false, false, false])
  })
})

describe('a submission', () => {
  it('counts in a contest if its author\'s time was running when it was sent', () => {
    const participation = { kind: 'virtual', starts_at: '2026-01-02T10:00:00Z', ends_at: '2026-01-02T12:00:00Z' }
    const of = (at: string) => countsIn({ participation }, at)
    expect([of('2026-01-02T09:59:59.999Z'), of('2026-01-02T10:00:00Z'), of('2026-01-02T11:59:59.5Z'), of('2026-01-02T12:00:00.001Z')]).toEqual([false, true, true, false])
    expect(countsIn({ participation: null }, '2026-01-02T11:00:00Z')).toBe(false)
    expect(countsIn({}, '2026-01-02T11:00:00Z')).toBe(false)
  })
})
