import { describe, expect, it } from 'vitest'
import { compare } from './diff'
import { LINES_MAX } from './visible'

describe('a comparison of outputs', () => {
  it('names the first line that differs', () => {
    const diff = compare('1\n2\n3\n', '1\n2\n4\n')
    expect([diff.kind, diff.first]).toEqual(['different', 3])
    expect(diff.rows.map((row) => row.same)).toEqual([true, true, false])
  })

  it('reports if only white space differs', () => {
    expect(compare('1 2 \n', '1 2\n').kind).toBe('space')
    expect(compare('1\n2\n', '1 2\n').kind).toBe('space')
    expect(compare('12\n', '1 2\n').kind).toBe('different')
  })

  it('ignores a missing line break at the end', () => {
    expect(compare('1', '1\n').kind).toBe('same')
  })

  it('shows where one output ends before the other', () => {
    const diff = compare('1\n', '1\n2\n')
    expect(diff.rows[1]).toEqual({ line: 2, ours: undefined, expected: '2', same: false })
  })

  it('shows the first difference of outputs that are too long to show', () => {
    const long = 'x\n'.repeat(100_000)
    const diff = compare(`${long}a\n`, `${long}b\n`)
    expect(diff.first).toBe(100_001)
    expect(diff.rows.some((row) => row.line === diff.first)).toBe(true)
    expect(diff.rows.length).toBeLessThanOrEqual(LINES_MAX)
  })

  it('truncates lines of several megabytes', () => {
    const diff = compare('x'.repeat(5_000_000), 'y')
    expect(diff.rows[0]?.ours?.length).toBeLessThan(3_000)
  })
})
