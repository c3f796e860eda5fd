// The calendar of a year. Each column is a week, and the last column is the current week. Days are in UTC, as on the
// server.

const DAY_MS = 86_400_000

export interface Day {
  /** Date in ISO 8601, such as `2026-01-31`. */
  date: string
  solved: number
}

/** Weeks from Monday to Sunday, oldest first; the last week ends today. */
export function weeksOf(days: readonly Day[], now: number, weeks: number): Day[][] {
  const solved = new Map(days.map((day) => [day.date, day.solved]))
  const today = Math.floor(now / DAY_MS)
  // 1970-01-01 was a Thursday.
  const monday = today - ((today + 3) % 7)
  return Array.from({ length: weeks }, (_, week) => {
    const first = monday - 7 * (weeks - 1 - week)
    const length = Math.min(7, today - first + 1)
    return Array.from({ length }, (_, at) => {
      const date = new Date((first + at) * DAY_MS).toISOString().slice(0, 10)
      return { date, solved: solved.get(date) ?? 0 }
    })
  })
}

/** Colour level for a number of solved problems: none, one, a few or many. */
export const levelOf = (solved: number): 0 | 1 | 2 | 3 => (solved === 0 ? 0 : solved === 1 ? 1 : solved < 4 ? 2 : 3)
