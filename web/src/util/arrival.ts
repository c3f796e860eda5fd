// What the error of a request that creates something says about the server: whether it may have taken the request.

/**
 * `refused`: the server has refused the request, and would refuse the same request again.
 * `absent`: the server has not taken this attempt. The same request may succeed later. Earlier attempts may have arrived.
 * `unknown`: the server may have taken this attempt, or may take it later.
 */
export type Arrival = 'refused' | 'absent' | 'unknown'

/** Statuses with which a server or a gateway refuses an attempt before anything is taken. 401: the session has ended. 407: a proxy asks for a sign-in. */
const REFUSED_ATTEMPT: readonly unknown[] = [401, 407, 408, 425, 429]

/** Errors of status 503 after which the server has certainly accepted nothing. Source: docs/errors.md. A gateway's answer has none of these codes. */
const FULL: readonly unknown[] = ['queue-full', 'no-worker', 'disk-full']

/** `wasOnline`: whether the browser was online when the attempt began. */
export function arrivalOf(error: unknown, wasOnline: boolean): Arrival {
  const { status, code } = (error instanceof Error ? error : {}) as { status?: unknown; code?: unknown }
  // Not a `CallError`.
  if (typeof status !== 'number') return 'unknown'
  // No answer, or an answer that cannot be read.
  if (status === 0) return wasOnline ? 'unknown' : 'absent'
  if (REFUSED_ATTEMPT.includes(status) || (status === 503 && FULL.includes(code))) return 'absent'
  return status >= 400 && status < 500 ? 'refused' : 'unknown'
}
