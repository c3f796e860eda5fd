// The server's clock: countdowns must not depend on the clock of the person's device.
//
// Every answer names its time in whole seconds (`Date`), and it was made before it arrived. So each observed difference is at
// most the true one, and the largest is the best.

/** A smaller difference than the best one, by more than this, means that the device's clock was set. */
const SET_MS = 5_000

let difference: number | undefined

export function noteServerTime(date: string | null, now = Date.now()): void {
  const observed = Date.parse(date ?? '') - now
  if (Number.isNaN(observed)) return
  if (difference === undefined || observed > difference || difference - observed > SET_MS) difference = observed
}

/** The server's time in milliseconds; the device's until the server has answered. */
export const serverNow = (now = Date.now()): number => now + (difference ?? 0)

/** Time that is left: `2 d 03:04:05`, `1:02:03`, `0:00:00`. Never negative. Rounded down, since the server's time may be known a second late. */
export function remaining(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000))
  const two = (n: number) => String(n).padStart(2, '0')
  const [days, hours, minutes] = [Math.floor(seconds / 86_400), Math.floor(seconds / 3600) % 24, Math.floor(seconds / 60) % 60]
  const clock = `${days > 0 ? two(hours) : hours}:${two(minutes)}:${two(seconds % 60)}`
  return days > 0 ? `${days} d ${clock}` : clock
}

/** A length such as `5 h` or `1 h 30 min`. */
export function lengthOf(seconds: number): string {
  const parts = [
    [Math.floor(seconds / 86_400), 'd'],
    [Math.floor(seconds / 3600) % 24, 'h'],
    [Math.floor(seconds / 60) % 60, 'min'],
    [seconds % 60, 's'],
  ] as const
  return parts.flatMap(([n, unit]) => (n > 0 ? [`${n} ${unit}`] : [])).join(' ') || '0 s'
}
