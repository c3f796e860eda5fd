// Compares an output with the expected output, line by line, for display. The verdict comes from the judge; the
// comparison only shows where the outputs differ.
//
// Lines are compared by position. The number of compared lines is bounded; further lines are only counted.
import { LINE_CHARS_MAX, LINES_MAX, linesOf } from './visible'

export interface DiffRow {
  /** From 1. */
  line: number
  /** Line of the program's output; `undefined` after its end. */
  ours: string | undefined
  expected: string | undefined
  same: boolean
}

export interface Diff {
  kind: 'same' | 'space' | 'different'
  /** The first row that differs; `undefined` if there is none. */
  first: number | undefined
  rows: DiffRow[]
  /** Number of lines that have no row. */
  omitted: number
}

/** Number of lines shown before the first difference. */
const CONTEXT = 3

const words = (text: string): string => text.split(/\s+/).filter(Boolean).join(' ')
const cut = (line: string | undefined): string | undefined =>
  line !== undefined && line.length > LINE_CHARS_MAX ? `${line.slice(0, LINE_CHARS_MAX)}…` : line

export function compare(ours: string, expected: string): Diff {
  const [left, right] = [linesOf(ours), linesOf(expected)]
  const total = Math.max(left.length, right.length)
  let first: number | undefined
  for (let at = 0; at < total && first === undefined; at += 1) if (left[at] !== right[at]) first = at
  // A long common beginning is omitted, so that the first difference is visible.
  const start = first !== undefined && first >= LINES_MAX ? first - CONTEXT : 0
  const rows: DiffRow[] = []
  for (let at = start; at < Math.min(total, start + LINES_MAX); at += 1) {
    rows.push({ line: at + 1, ours: cut(left[at]), expected: cut(right[at]), same: left[at] === right[at] })
  }
  const kind = first === undefined ? 'same' : words(ours) === words(expected) ? 'space' : 'different'
  return { kind, first: first === undefined ? undefined : first + 1, rows, omitted: total - rows.length }
}
