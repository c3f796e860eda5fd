// What is known of a run while it is judged: one pure function from the events of the API (`/execute/{id}/events`).
//
// A new attempt voids the results of the one before. Events arrive in order and at most once, because the browser
// resumes from the last one.
import type { Messages } from '../i18n/en'
import { verdictOf, type VerdictCode } from './verdict'

export type Phase = 'sending' | 'queued' | 'starting' | 'compiling' | 'running' | 'reading'

export interface LiveTest {
  /** `undefined`: it is running. */
  verdict: VerdictCode | undefined
}

export interface Live {
  phase: Phase
  /** Position in the queue, from 1, where it is known. */
  position?: number | undefined
  /** In the order in which they began. */
  tests: LiveTest[]
  /** The connection is interrupted. */
  isReconnecting: boolean
}

/** Tests shown while judging; the result has all. */
export const LIVE_TESTS_MAX = 1_000

export const EVENTS = ['queued', 'started', 'compile.start', 'compile.end', 'test.start', 'output', 'test.end', 'verdict', 'gap', 'scheduled'] as const
export type EventName = (typeof EVENTS)[number]

/** What of an event's `data` matters here. */
export interface LiveData {
  verdict?: string | null | undefined
  position?: number | undefined
}

export const SENDING: Live = { phase: 'sending', tests: [], isReconnecting: false }

export function after(live: Live, name: EventName, data: LiveData): Live {
  switch (name) {
    case 'queued':
    case 'scheduled':
      return { ...live, phase: 'queued', position: data.position }
    case 'started':
      return { ...live, phase: 'starting', tests: [] }
    case 'compile.start':
      return { ...live, phase: 'compiling' }
    case 'compile.end':
      return { ...live, phase: 'starting' }
    case 'test.start':
      if (live.tests.length >= LIVE_TESTS_MAX) return { ...live, phase: 'running' }
      return { ...live, phase: 'running', tests: [...live.tests, { verdict: undefined }] }
    case 'test.end': {
      const tests = [...live.tests]
      const running = tests.findIndex((test) => test.verdict === undefined)
      if (running >= 0) tests[running] = { verdict: verdictOf(data.verdict) }
      return { ...live, tests }
    }
    case 'verdict':
      return { ...live, phase: 'reading' }
    case 'output':
    case 'gap':
      return live
  }
}

/** A phase before or after the tests, in words. */
export const phaseText = (phases: Messages['run']['phases'], phase: Exclude<Phase, 'running'>, position: number | undefined): string =>
  phase === 'queued' && position !== undefined ? phases.queuedAt(position) : phases[phase]
