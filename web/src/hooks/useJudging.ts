// Sends one run or submission at a time, follows it live, and reads the result when it has ended.
//
// The submission is on the server, so closing this page does not lose it. After a lost connection, the stream resumes
// from the last event. If no stream is available, the page polls for the result.
import { useEffect, useReducer, useRef } from 'react'
import { addressOf, api, dataOf, type Schema } from '../api/client'
import { after, EVENTS, SENDING, type EventName, type Live, type LiveData } from '../util/live'

export type Purpose = 'samples' | 'input' | 'submission'
export type Result = Schema['SubmissionView']

export type Judging =
  | { kind: 'idle' }
  | { kind: 'live'; purpose: Purpose; live: Live }
  | { kind: 'done'; purpose: Purpose; result: Result }
  | { kind: 'failed'; purpose: Purpose; error: unknown }

export interface Solution {
  slug: string
  language: string
  source: string
  /** Only for the purpose `input`. */
  input?: string
}

type Action =
  | { do: 'begin'; purpose: Purpose }
  | { do: 'event'; name: EventName; data: LiveData }
  | { do: 'reconnect'; is: boolean }
  | { do: 'end'; result: Result }
  | { do: 'fail'; error: unknown }
  | { do: 'restore'; state: Judging }

function next(state: Judging, action: Action): Judging {
  switch (action.do) {
    case 'begin':
      return { kind: 'live', purpose: action.purpose, live: SENDING }
    case 'event':
      return state.kind === 'live' ? { ...state, live: after({ ...state.live, isReconnecting: false }, action.name, action.data) } : state
    case 'reconnect':
      return state.kind === 'live' ? { ...state, live: { ...state.live, isReconnecting: action.is } } : state
    case 'end':
      return state.kind === 'live' ? { kind: 'done', purpose: state.purpose, result: action.result } : state
    case 'fail':
      return state.kind === 'live' ? { kind: 'failed', purpose: state.purpose, error: action.error } : state
    case 'restore':
      return action.state
  }
}

/** Seconds for which one request may wait for the result, and how many such requests are made. */
const WAIT_SECONDS = 30
const WAITS_MAX = 20

const isFinal = (result: Result) => result.status !== 'queued' && result.status !== 'running'

/** `onChange` is called when the server has accepted a run, and when the run has ended. */
export function useJudging(onChange: (purpose: Purpose) => void) {
  const [state, dispatch] = useReducer(next, { kind: 'idle' })
  const stream = useRef<EventSource>(null)
  // Number of the current run. Responses for an earlier run are ignored.
  const current = useRef(0)
  // The submission that is being sent or judged. A second tap does not send the same code again.
  const underway = useRef<string>(undefined)
  // What was shown before an earlier submission was opened.
  const before = useRef<Judging>(undefined)
  const stop = () => {
    stream.current?.close()
    stream.current = null
    current.current += 1
    underway.current = undefined
  }
  useEffect(() => stop, [])

  const read = async (id: string, mine: number, purpose: Purpose) => {
    for (let tries = 0; tries < WAITS_MAX && current.current === mine; tries += 1) {
      const params = { path: { submission_id: id }, query: { wait: WAIT_SECONDS } }
      const result = await dataOf(api.GET('/api/v1/submissions/{submission_id}', { params }))
      if (current.current !== mine) return
      if (isFinal(result)) {
        underway.current = undefined
        dispatch({ do: 'end', result })
        onChange(purpose)
        return
      }
    }
  }

  const follow = (id: string, mine: number, purpose: Purpose) => {
    const source = new EventSource(addressOf(`/api/v1/execute/${encodeURIComponent(id)}/events`))
    stream.current = source
    const finish = () => {
      source.close()
      read(id, mine, purpose).catch((error: unknown) => {
        if (current.current !== mine) return
        underway.current = undefined
        dispatch({ do: 'fail', error })
      })
    }
    for (const name of EVENTS) {
      source.addEventListener(name, (event) => {
        if (current.current !== mine) return
        const data = JSON.parse((event as MessageEvent<string>).data) as LiveData
        dispatch({ do: 'event', name, data })
        if (name === 'verdict') finish()
      })
    }
    source.onerror = () => {
      if (current.current !== mine) return
      if (source.readyState === EventSource.CLOSED) finish()
      else dispatch({ do: 'reconnect', is: true })
    }
    source.onopen = () => current.current === mine && dispatch({ do: 'reconnect', is: false })
  }

  const start = async (purpose: Purpose, { slug, language, source, input }: Solution) => {
    const solution = purpose === 'submission' ? JSON.stringify([slug, language, source]) : undefined
    if (solution !== undefined && solution === underway.current) return
    stop()
    underway.current = solution
    before.current = undefined
    const mine = current.current
    dispatch({ do: 'begin', purpose })
    const path = { slug }
    const body = { language, source_code: source, files: [] }
    try {
      const accepted =
        purpose === 'submission'
          ? await dataOf(api.POST('/api/v1/problems/{slug}/submissions', { params: { path, query: {} }, body }))
          : await dataOf(
              api.POST('/api/v1/problems/{slug}/run', {
                params: { path, query: {} },
                body: { ...body, ...(input !== undefined && { input }) },
              }),
            )
      onChange(purpose)
      if (current.current === mine && accepted !== undefined) follow(accepted.submission_id, mine, purpose)
    } catch (error) {
      if (current.current !== mine) return
      underway.current = undefined
      dispatch({ do: 'fail', error })
    }
  }

  /** Shows an earlier submission, which may still be in judging. */
  const open = (id: string) => {
    stop()
    before.current ??= state.kind === 'live' ? { kind: 'idle' } : state
    dispatch({ do: 'begin', purpose: 'submission' })
    follow(id, current.current, 'submission')
  }

  /** Shows again what was shown before `open`. Returns whether an earlier submission was shown. */
  const close = () => {
    if (before.current === undefined) return false
    stop()
    dispatch({ do: 'restore', state: before.current })
    before.current = undefined
    return true
  }

  return { judging: state, start, open, close }
}
