// Comparison of an output with the expected one, line by line, for people. The judge has decided; this only shows where.
//
// Lines are compared by position, as most judges read them, and bounded: the rest is counted.
import { LINE_CHARS_MAX, LINES_MAX, linesOf } from './visible'

export interface DiffRow {
  /** From 1. */
  line: number
  /** `undefined`: the output has ended. */
  ours: string | undefined
  expected: string | undefined
  same: boolean
}

export interface Diff {
  kind: 'same' | 'space' | 'different'
  /** The first row that differs; `undefined`: none. */
  first: number | undefined
  rows: DiffRow[]
  /** Lines that are not among the rows. */
  omitted: number
}

/** Lines kept before the first difference. */
const CONTEXT = 3

const words = (text: string): string => text.split(/\s+/).filter(Boolean).join(' ')
const cut = (line: string | undefined): string | undefined =>
  line !== undefined && line.length > LINE_CHARS_MAX ? `${line.slice(0, LINE_CHARS_MAX)}…` : line

export function compare(ours: string, expected: string): Diff {
  const [left, right] = [linesOf(ours), linesOf(expected)]
  const total = Math.max(left.length, right.length)
  let first: number | undefined
  for (let at = 0; at < total && first === undefined; at += 1) if (left[at] !== right[at]) first = at
  // A long common beginning is left out, so that the first difference is in view.
  const start = first !== undefined && first >= LINES_MAX ? first - CONTEXT : 0
  const rows: DiffRow[] = []
  for (let at = start; at < Math.min(total, start + LINES_MAX); at += 1) {
    rows.push({ line: at + 1, ours: cut(left[at]), expected: cut(right[at]), same: left[at] === right[at] })
  }
  const kind = first === undefined ? 'same' : words(ours) === words(expected) ? 'space' : 'different'
  return { kind, first: first === undefined ? undefined : first + 1, rows, omitted: total - rows.length }
}
