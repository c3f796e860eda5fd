// The account page: the calendar of the year, and the names of sessions.
import { describe, expect, it } from 'vitest'
import { levelOf, weeksOf } from './calendar'
import { deviceOf } from './device'

describe('the calendar', () => {
  it('has whole weeks from Monday on, and the last one ends today', () => {
    // A Wednesday.
    const weeks = weeksOf([{ date: '2026-01-06', solved: 2 }, { date: '2020-01-01', solved: 9 }], Date.parse('2026-01-07T23:59:00Z'), 2)
    expect(weeks.map((week) => week.map((day) => day.date.slice(8)))).toEqual([
      ['29', '30', '31', '01', '02', '03', '04'],
      ['05', '06', '07'],
    ])
    expect(weeks.flat().map((day) => day.solved)).toEqual([0, 0, 0, 0, 0, 0, 0, 0, 2, 0])
    const sunday = weeksOf([], Date.parse('2026-01-11T00:00:00Z'), 53)
    expect([sunday.length, sunday[0]?.[0]?.date, sunday[52]?.[6]?.date]).toEqual([53, '2025-01-06', '2026-01-11'])
  })

  it('has four colour levels', () => {
    expect([0, 1, 2, 3, 4, 40].map(levelOf)).toEqual([0, 1, 2, 2, 3, 3])
  })
})

describe('a session', () => {
  it('is named by its browser and system, or by its own name', () => {
    expect(deviceOf('Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/141.0.0.0 Safari/537.36')).toBe('Chrome 141 · Linux')
    expect(deviceOf('Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36 Edg/141.0.0.0')).toBe('Edge 141 · Windows')
    expect(deviceOf('Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1')).toBe('Safari 18 · iOS')
    expect(deviceOf('curl/8.5.0')).toBe('curl/8.5.0')
  })
})
