// Formats of numbers and times: 12 ms, 3.4 s, 2.1 MiB, 1,204, "3 minutes ago".

/** A measured time. Two times of one result have the same number of digits. */
export const measured = (ms: number): string => (ms < 1000 ? `${ms} ms` : `${(ms / 1000).toFixed(2)} s`)

export const milliseconds = (ms: number): string => (ms < 1000 ? `${ms} ms` : `${trimmed(ms / 1000, 2)} s`)

export const kibibytes = (kib: number): string =>
  kib < 1024 ? `${kib} KiB` : kib < 1024 * 1024 ? `${trimmed(kib / 1024, 1)} MiB` : `${trimmed(kib / 1024 / 1024, 1)} GiB`

export const bytes = (count: number): string => (count < 1024 ? `${count} B` : kibibytes(Math.round(count / 1024)))

/** The first use of the browser's number formats takes some milliseconds, which small numbers do not need. */
export const count = (n: number, language: string): string => (n < 1000 ? String(n) : n.toLocaleString(language))

/** Share in whole percent; `undefined` if `whole` is zero. */
export const percent = (part: number, whole: number): string | undefined =>
  whole === 0 ? undefined : `${Math.round((100 * part) / whole)} %`

const STEPS: [Intl.RelativeTimeFormatUnit, number][] = [
  ['year', 31_536_000],
  ['month', 2_592_000],
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
  ['second', 1],
]

export function ago(time: string, now: number, language: string): string {
  const seconds = Math.min(0, Math.round((Date.parse(time) - now) / 1000))
  const [unit, size] = STEPS.find(([, size]) => -seconds >= size) ?? ['second', 1]
  const text = agesIn(language).format(Math.ceil(seconds / size), unit)
  // The site's Chinese texts have a space between a number and a word, which the browser's have not.
  return language.startsWith('zh') ? text.replace(/(\d)(?=\p{Script=Han})/u, '$1 ') : text
}

/** The clock time; on another day, with the date. */
export function clockTime(at: number, now: number, language: string): string {
  const [day, today] = [new Date(at), new Date(now)]
  const isToday = day.toDateString() === today.toDateString()
  return isToday ? day.toLocaleTimeString(language, { timeStyle: 'short' }) : day.toLocaleString(language, { dateStyle: 'medium', timeStyle: 'short' })
}

const formats = new Map<string, Intl.RelativeTimeFormat>()

/** Created once per language, because its creation takes longer than its use. */
function agesIn(language: string): Intl.RelativeTimeFormat {
  const made = formats.get(language) ?? new Intl.RelativeTimeFormat(language, { numeric: 'auto' })
  formats.set(language, made)
  return made
}

const trimmed = (value: number, digits: number): string => String(Number(value.toFixed(digits)))
