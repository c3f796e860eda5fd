// State of a run during judging, computed by one pure function from the API's events (`/execute/{id}/events`).
//
// A new attempt discards the results of the previous attempt. Events arrive in order and at most once, because the
// browser resumes after the last event.
import type { Messages } from '../i18n/en'
import { verdictOf, type VerdictCode } from './verdict'

export type Phase = 'sending' | 'queued' | 'pulling' | 'starting' | 'compiling' | 'running' | 'reading'

export interface LiveTest {
  /** `undefined` while the test is running. */
  verdict: VerdictCode | undefined
}

export interface Live {
  phase: Phase
  /** Position in the queue, from 1, if known. */
  position?: number | undefined
  /** The tests, in the order in which they started. */
  tests: LiveTest[]
  /** Whether the connection is interrupted. */
  isReconnecting: boolean
}

/** Maximum number of tests shown during judging. The result has all tests. */
export const LIVE_TESTS_MAX = 1_000

export const EVENTS = ['queued', 'started', 'compile.start', 'compile.end', 'test.start', 'output', 'test.end', 'verdict', 'gap', 'scheduled'] as const
export type EventName = (typeof EVENTS)[number]

/** The used fields of an event's `data`. */
export interface LiveData {
  seq?: number
  verdict?: string | null | undefined
  position?: number | undefined
  pulling?: string | undefined
}

export const SENDING: Live = { phase: 'sending', tests: [], isReconnecting: false }

export function after(live: Live, name: EventName, data: LiveData): Live {
  switch (name) {
    case 'queued':
    case 'scheduled':
      return { ...live, phase: data.pulling === undefined ? 'queued' : 'pulling', position: data.position }
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
