import { describe, expect, it } from 'vitest'
import type { Schema } from '../api/client'
import { endedByUser, mayHaveLostOutput, wallLimitReached } from './ending'

const limits = { cpu_time_ms: 10_000, wall_time_ms: 30_000 } as Schema['LimitsView']

describe('a program that exceeded a time limit', () => {
  it('exceeded the wall-clock limit if its CPU time is below the CPU limit', () => {
    const of = (execution_time_ms: number | null, wall_time_ms: number | null, verdict = 'TLE') => wallLimitReached({ verdict, execution_time_ms, wall_time_ms, limits })
    expect([of(20, 30_012), of(9_990, 30_000)]).toEqual([30_000, 30_000])
    expect([of(10_001, 10_100), of(10_020, 30_000), of(20, 12_000), of(20, 30_012, 'ILE'), of(null, 30_012)]).toEqual(Array(5).fill(undefined))
  })

  it('also if the wall-clock time is hidden', () => {
    const of = (execution_time_ms: number) => wallLimitReached({ verdict: 'TLE', execution_time_ms, limits })
    expect([of(30), of(9_500), of(10_010)]).toEqual([30_000, undefined, undefined])
    expect(wallLimitReached({ verdict: 'TLE', execution_time_ms: 30 })).toBe(undefined)
  })
})

describe('a program that the user ended', () => {
  it('was stopped if a signal of the user ended it', () => {
    for (const end of [{ signal: 2 }, { signal: 15 }, { exit_code: 130 }, { exit_code: 143 }, { exit_code: 1, message: 'KeyboardInterrupt (line 3)' }]) {
      expect(endedByUser('stop', { verdict: 'RTE', ...end })).toBe('stop')
      expect(endedByUser(undefined, { verdict: 'RTE', ...end })).toBe(undefined)
    }
  })

  it('crashed if something else ended it, or ended normally', () => {
    for (const end of [{ verdict: 'RTE', signal: 11 }, { verdict: 'RTE', exit_code: 1, message: 'ZeroDivisionError (line 1)' }, { verdict: 'AC', exit_code: 0 }, { verdict: 'TLE', signal: 15 }]) {
      expect(endedByUser('stop', end)).toBe(undefined)
    }
  })

  it('was killed if the server cancelled it for this user', () => {
    expect([endedByUser('kill', { verdict: 'CANCELLED' }), endedByUser(undefined, { verdict: 'CANCELLED' }), endedByUser('kill', { verdict: 'AC' })]).toEqual(['kill', undefined, undefined])
  })
})

it('a program that was killed and printed nothing may have lost output', () => {
  expect(['TLE', 'ILE', 'MLE', 'CANCELLED', 'AC', 'RTE', null].map((verdict) => mayHaveLostOutput(verdict, ''))).toEqual([true, true, true, true, false, false, false])
  expect(mayHaveLostOutput('TLE', 'x')).toBe(false)
})
