// The server's clock. Countdowns must not depend on the clock of the user's device.
//
// Every response has the server's time in whole seconds (`Date`), and was sent before it arrived. So each observed
// difference between the clocks is at most the true difference, and the largest observed difference is the most exact.

/** If a new difference is smaller than the best difference by more than this, the device's clock was set. */
const SET_MS = 5_000

let difference: number | undefined

export function noteServerTime(date: string | null, now = Date.now()): void {
  const observed = Date.parse(date ?? '') - now
  if (Number.isNaN(observed)) return
  if (difference === undefined || observed > difference || difference - observed > SET_MS) difference = observed
}

/** The server's time in milliseconds. Before the server's first response, the device's time. */
export const serverNow = (now = Date.now()): number => now + (difference ?? 0)

/** Units of durations. A language without an entry has the international units. */
const UNITS: Record<string, readonly [day: string, hour: string, minute: string, second: string]> = { 'zh-CN': ['天', '小时', '分钟', '秒'] }
const unitsOf = (language: string) => UNITS[language] ?? (['d', 'h', 'min', 's'] as const)

/**
 * The remaining time: `2 d 03:04:05`, `1:02:03`, `0:00:00`. Never negative. Rounded down, because the known server time
 * may be up to one second behind.
 */
export function remaining(ms: number, language = 'en'): string {
  const seconds = Math.max(0, Math.floor(ms / 1000))
  const two = (n: number) => String(n).padStart(2, '0')
  const [days, hours, minutes] = [Math.floor(seconds / 86_400), Math.floor(seconds / 3600) % 24, Math.floor(seconds / 60) % 60]
  const clock = `${days > 0 ? two(hours) : hours}:${two(minutes)}:${two(seconds % 60)}`
  return days > 0 ? `${days} ${unitsOf(language)[0]} ${clock}` : clock
}

/** A length such as `5 h` or `1 h 30 min`. */
export function lengthOf(seconds: number, language = 'en'): string {
  const [day, hour, minute, second] = unitsOf(language)
  const parts = [
    [Math.floor(seconds / 86_400), day],
    [Math.floor(seconds / 3600) % 24, hour],
    [Math.floor(seconds / 60) % 60, minute],
    [seconds % 60, second],
  ] as const
  return parts.flatMap(([n, unit]) => (n > 0 ? [`${n} ${unit}`] : [])).join(' ') || `0 ${second}`
}
