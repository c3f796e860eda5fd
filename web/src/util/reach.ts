// Repeats a call that did not reach the server, until the server answers.
//
// The next attempt is made when the browser is online again, when `again` is called, or after a pause. The pause is needed, because a browser
// that is online may still not reach the server, and a device that sleeps may miss the browser's event.

/** Pauses between attempts. The last pause is repeated. */
const PAUSES_MS = [1_000, 2_000, 4_000, 8_000, 15_000]

/** The status of a `CallError`. */
const statusOf = (error: unknown): unknown => (error instanceof Error && 'status' in error ? error.status : undefined)

/** Whether no answer has arrived, so that the same call may succeed later. */
export const isUnreached = (error: unknown): boolean => statusOf(error) === 0

/** Statuses that a gateway sends in place of the server. */
const AWAY: readonly unknown[] = [0, 502, 503, 504]

/** Whether the server cannot be reached at the moment. */
export const isAway = (error: unknown): boolean => AWAY.includes(statusOf(error))

/** Whether a call that only reads may succeed later: there is no answer, or one that is not about the resource, such as that of the rate limit. */
export const isUnread = (error: unknown): boolean => isAway(error) || statusOf(error) === 429

export class Reach {
  private wake: (() => void) | undefined

  /**
   * Returns the answer. An error for which `isLost` is false is thrown. `missed` is called after each lost attempt. Returns `undefined` as
   * soon as `isWanted` is false before an attempt.
   */
  async call<T>(send: () => Promise<T>, isLost: (error: unknown) => boolean, isWanted: () => boolean, missed: (error: unknown) => void): Promise<T | undefined> {
    for (let failures = 0; isWanted(); failures += 1) {
      try {
        return await send()
      } catch (error) {
        if (!isLost(error)) throw error
        if (!isWanted()) return undefined
        missed(error)
        await this.chance(PAUSES_MS[Math.min(failures, PAUSES_MS.length - 1)] ?? 0)
      }
    }
    return undefined
  }

  /** Makes the next attempt at once. */
  again(): void {
    this.wake?.()
  }

  private chance(pause: number): Promise<void> {
    return new Promise((resolve) => {
      const go = () => {
        clearTimeout(timer)
        removeEventListener('online', go)
        if (this.wake === go) this.wake = undefined
        resolve()
      }
      const timer = setTimeout(go, pause)
      addEventListener('online', go)
      this.wake = go
    })
  }
}
