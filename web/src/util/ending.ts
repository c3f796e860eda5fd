// How a run ended, beyond its verdict: at the wall-clock limit, because the user ended it, or with output that was lost.
import type { Schema } from '../api/client'
import { verdictOf } from './verdict'

type Ended = Pick<Schema['SubmissionView'], 'verdict' | 'execution_time_ms' | 'wall_time_ms' | 'limits'>

/** CPU time of this share of its limit is clearly below the limit, even if it was rounded or measured late. */
const CLEARLY_BELOW = 0.9

/**
 * The wall-clock limit in milliseconds, if that limit ended the program and the CPU limit did not, as for a program that
 * sleeps; otherwise `undefined`. If the tests of a problem are hidden, the wall-clock time is unknown.
 */
export function wallLimitReached({ verdict, execution_time_ms: cpu, wall_time_ms: wall, limits }: Ended): number | undefined {
  if (verdict !== 'TLE' || limits == null || cpu == null) return undefined
  const isReached = wall == null ? cpu < CLEARLY_BELOW * limits.cpu_time_ms : cpu < limits.cpu_time_ms && wall >= limits.wall_time_ms
  return isReached ? limits.wall_time_ms : undefined
}

/** What the user did to end the program: Stop or Ctrl-C, which the program may handle, or Kill. */
export type Asked = 'stop' | 'kill'

const SIGINT = 2
const SIGTERM = 15
/** Offset of exit codes that report a signal: a shell returns 128 + the signal's number. Other programs do the same. */
const SHELL_BASE = 128

/** Whether the program ended because the user asked it to. A program that handles the signal and exits with 0 has ended normally. */
export function endedByUser(asked: Asked | undefined, { verdict, signal, exit_code, message }: Pick<Schema['SubmissionView'], 'verdict' | 'signal' | 'exit_code' | 'message'>): Asked | undefined {
  if (asked === 'kill' && verdict === 'CANCELLED') return 'kill'
  if (asked === undefined || verdict !== 'RTE') return undefined
  const isSignal = [SIGINT, SIGTERM].some((one) => signal === one || exit_code === SHELL_BASE + one)
  return isSignal || message?.startsWith('KeyboardInterrupt') === true ? 'stop' : undefined
}

/** Verdicts of programs that were ended from outside, so that they could not write the content of their buffers. */
const KILLED: readonly unknown[] = ['TLE', 'ILE', 'MLE', 'CANCELLED']

/** Whether the program may have printed something that was lost with its buffer. */
export const mayHaveLostOutput = (verdict: string | null | undefined, output: string): boolean => output === '' && KILLED.includes(verdictOf(verdict))
