// Sends one run or submission at a time, follows it live, and reads the result when it has ended.
//
// Without a connection, there are two cases:
//
//   unsent   The server may not have the code. It is sent again with the same idempotency key, so that the server takes it once.
//   live     The server has the code, so that closing this page does not lose it. The stream resumes when the connection is back, and the
//            result is read until the server answers.
//
// If no stream is available, the page polls for the result. A page that is opened again shows the last run of its tab (`resume`), or offers
// the submission that the server has not confirmed. The page does not send it by itself, because the user may have other plans.
import { useEffect, useReducer, useRef } from 'react'
import { addressOf, api, CallError, dataOf, type Schema } from '../api/client'
import { arrivalOf } from '../util/arrival'
import { forgetJudging, storedJudging, storeJudging } from '../util/stored-judging'
import { forgetUnsent, storeUnsent, unsentAt } from '../util/stored-unsent'
import { after, EVENTS, SENDING, type EventName, type Live, type LiveData } from '../util/live'
import { isUnreached, isUnread, Reach } from '../util/reach'
import { uniqueKey } from '../util/unique-key'
import { useGuest } from './useGuest'

export type Purpose = 'samples' | 'input' | 'submission'
export type Result = Schema['SubmissionView']

export type Judging =
  | { kind: 'idle' }
  | { kind: 'live'; purpose: Purpose; live: Live; input?: string | undefined }
  | Unsent
  /** `isAgain`: whether the result is shown again, so that it may be old. */
  | { kind: 'done'; purpose: Purpose; result: Result; isAgain: boolean; input?: string | undefined }
  | { kind: 'failed'; purpose: Purpose; error: unknown }

/** The server has not confirmed that it has the code. */
export interface Unsent {
  kind: 'unsent'
  purpose: Purpose
  solution: Solution
  /** The idempotency key. */
  key: string
  /** Whether the server may have the code, because of this or an earlier attempt (`util/arrival.ts`). */
  mayHaveArrived: boolean
  /** Whether the code is sent without the user when the connection is back. */
  isWaiting: boolean
}

export interface Solution {
  slug: string
  language: string
  source: string
  /** Only for the purpose `input`. */
  input?: string
}

type Action =
  | { do: 'begin'; purpose: Purpose; live?: Live; input?: string | undefined }
  | { do: 'event'; name: EventName; data: LiveData }
  | { do: 'reconnect'; is: boolean }
  | { do: 'end'; result: Result; isAgain?: boolean }
  | { do: 'fail'; error: unknown }
  | { do: 'miss'; unsent: Unsent }
  | { do: 'restore'; state: Judging }

function next(state: Judging, action: Action): Judging {
  switch (action.do) {
    case 'begin':
      return { kind: 'live', purpose: action.purpose, live: action.live ?? SENDING, input: action.input }
    case 'event':
      return state.kind === 'live' ? { ...state, live: after({ ...state.live, isReconnecting: false }, action.name, action.data) } : state
    case 'reconnect':
      return state.kind === 'live' ? { ...state, live: { ...state.live, isReconnecting: action.is } } : state
    case 'end':
      return state.kind === 'live' ? { kind: 'done', purpose: state.purpose, result: action.result, isAgain: action.isAgain === true, input: state.input } : state
    case 'fail':
      return state.kind === 'live' || state.kind === 'unsent' ? { kind: 'failed', purpose: state.purpose, error: action.error } : state
    case 'miss':
      return action.unsent
    case 'restore':
      return action.state
  }
}

const READING: Live = { ...SENDING, phase: 'reading' }

/** The state until the page's first effect, which calls `close` or `open`. */
function first(place: string): Judging {
  const unsent = unsentAt(place)
  if (unsent !== undefined) return unsent
  const kept = storedJudging(place)
  return kept === undefined ? { kind: 'idle' } : { kind: 'live', purpose: kept.purpose, live: READING }
}

/** Seconds for which one request may wait for the result. */
const WAIT_SECONDS = 30

/** Time during which code is sent without the user when the connection is back. Later, the user may have other plans. */
const SEND_WITHIN_MS = 10 * 60_000

const isSame = (a: Solution, b: Solution): boolean => a.slug === b.slug && a.language === b.language && a.source === b.source

const isFinal = (result: Result) => result.status !== 'queued' && result.status !== 'running'

/**
 * `place` is where a run is found again: user, contest and problem. `onChange` is called when the server has accepted a
 * run, and when the run has ended.
 */
export function useJudging(place: string, onChange: (purpose: Purpose) => void) {
  const [state, dispatch] = useReducer(next, place, first)
  const stream = useRef<{ close: () => void }>(null)
  const reach = useRef(new Reach())
  const guest = useGuest()
  // Number of the current run. Responses for an earlier run are ignored.
  const current = useRef(0)
  // Number of runs that this page has started.
  const starts = useRef(0)
  // The code that is being sent or judged. A second tap, or a key that is held down, does not send the same code again.
  const underway = useRef<string>(undefined)
  // The state before an earlier submission was opened.
  const before = useRef<Judging>(undefined)
  // Whether nothing was shown since the page was opened.
  const isNew = useRef(true)
  // The code in the editor.
  const present = useRef<string>(undefined)
  const stop = () => {
    isNew.current = false
    stream.current?.close()
    stream.current = null
    current.current += 1
    underway.current = undefined
    reach.current.again()
  }
  const clear = () => dispatch({ do: 'restore', state: { kind: 'idle' } })
  useEffect(
    () => () => {
      stop()
      isNew.current = true
    },
    [],
  )

  const read = async (id: string, mine: number, purpose: Purpose) => {
    // A queue may be long, so that the number of requests has no limit.
    for (;;) {
      const params = { path: { submission_id: id }, query: { wait: WAIT_SECONDS } }
      const isMine = () => current.current === mine
      const lost = () => dispatch({ do: 'reconnect', is: true })
      const result = await reach.current.call(() => dataOf(api.GET('/api/v1/submissions/{submission_id}', { params })), isUnread, isMine, lost)
      if (result === undefined || !isMine()) return
      if (isFinal(result)) {
        underway.current = undefined
        dispatch({ do: 'end', result })
        onChange(purpose)
        return
      }
    }
  }

  /** `lost`: called if the run is gone with the guest who has started it. */
  const follow = (id: string, mine: number, purpose: Purpose, lost?: () => void, since = '') => {
    const source = new EventSource(addressOf(`/api/v1/execute/${encodeURIComponent(id)}/events${since}`))
    const close = () => {
      source.close()
      removeEventListener('online', renew)
    }
    // The browser may take long to notice that the earlier connection is dead, for example after a change of the network.
    const renew = () => {
      close()
      follow(id, mine, purpose, lost, since)
    }
    addEventListener('online', renew)
    stream.current = { close }
    const finish = () => {
      close()
      read(id, mine, purpose).catch((error: unknown) => {
        if (current.current !== mine) return
        if (lost !== undefined && guest.hasEnded(error)) return lost()
        underway.current = undefined
        dispatch({ do: 'fail', error })
      })
    }
    for (const name of EVENTS) {
      source.addEventListener(name, (event) => {
        if (current.current !== mine) return
        const data = JSON.parse((event as MessageEvent<string>).data) as LiveData
        since = `?after=${data.seq}`
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

  /** `unsent`: an earlier attempt with this code that has not reached the server. */
  const start = async (purpose: Purpose, solution: Solution, unsent?: Unsent) => {
    const { slug, language, source, input } = solution
    const sent = JSON.stringify([purpose, slug, language, source, input])
    if (sent === underway.current) return reach.current.again()
    stop()
    // If the server may already have the same code, the same key is sent, so that the server does not take the code twice.
    const kept = purpose === 'submission' ? unsentAt(place) : undefined
    const again = unsent ?? (kept !== undefined && isSame(kept.solution, solution) ? kept : undefined)
    forgetJudging(place)
    // A run does not replace a submission that was not sent.
    if (purpose === 'submission') forgetUnsent(place)
    underway.current = sent
    before.current = undefined
    const mine = current.current
    const number = (starts.current += 1)
    const written = present.current
    dispatch({ do: 'begin', purpose, input })
    const key = again?.key ?? uniqueKey()
    const params = { path: { slug }, query: {}, header: { 'Idempotency-Key': key } }
    const body = { language, source_code: source, files: [] }
    const last = Date.now() + SEND_WITHIN_MS
    let mayHaveArrived = again?.mayHaveArrived === true
    /** Whether the code may have reached the server in the current attempt. */
    let isOnItsWay = false
    const isMine = () => current.current === mine
    const post = () => {
      isOnItsWay = navigator.onLine
      return purpose === 'submission'
        ? dataOf(api.POST('/api/v1/problems/{slug}/submissions', { params, body }))
        : dataOf(api.POST('/api/v1/problems/{slug}/run', { params, body: { ...body, ...(input !== undefined && { input }) } }))
    }
    const send = async (hasEnded = false): Promise<{ submission_id: string } | undefined> => {
      if (purpose === 'submission') return post()
      isOnItsWay = false
      const mayRun = await guest.enter(hasEnded)
      if (!isMine()) return undefined
      if (!mayRun) {
        stop()
        clear()
        return undefined
      }
      return post().catch((error: unknown) => {
        if (hasEnded || !guest.hasEnded(error)) throw error
        return send(true)
      })
    }
    /** Records whether the server may have the code, according to the error of an attempt. */
    const learn = (error: unknown) => {
      const arrival = arrivalOf(error, isOnItsWay)
      if (arrival === 'unknown') mayHaveArrived = true
      if (arrival === 'refused') forgetUnsent(place, key)
      else if (isMine()) keep(mayHaveArrived)
    }
    const missed = (isWaiting: boolean) => dispatch({ do: 'miss', unsent: { kind: 'unsent', purpose, solution, key, mayHaveArrived, isWaiting } })
    const keep = (mayHaveArrived: boolean) => purpose === 'submission' && storeUnsent(place, { solution, key, mayHaveArrived })
    // The page may be left or reloaded before the server answers.
    keep(true)
    try {
      const accepted = await reach.current.call(
        () => send(),
        isUnreached,
        // A user who has changed the code may want to send the new code instead.
        () => isMine() && Date.now() < last && present.current === written,
        (error) => {
          learn(error)
          missed(true)
        },
      )
      if (accepted === undefined) {
        if (!isMine()) return
        underway.current = undefined
        return missed(false)
      }
      onChange(purpose)
      // Also if the page was left meanwhile.
      forgetUnsent(place, key)
      if (starts.current === number) storeJudging(place, { id: accepted.submission_id, purpose, input })
      if (!isMine()) return
      dispatch({ do: 'begin', purpose, input })
      follow(accepted.submission_id, mine, purpose, () => void start(purpose, solution, { kind: 'unsent', purpose, solution, key, mayHaveArrived, isWaiting: false }))
    } catch (error) {
      learn(error)
      if (!isMine()) return
      underway.current = undefined
      dispatch({ do: 'fail', error })
    }
  }

  /** Sends the code that has not reached the server. */
  const sendAgain = (unsent: Unsent) => (unsent.isWaiting ? reach.current.again() : void start(unsent.purpose, unsent.solution, unsent))

  /** Does not send the code again. A submission that waited when a run was started is offered again. */
  const drop = (unsent: Unsent) => {
    stop()
    if (unsent.purpose === 'submission') forgetUnsent(place)
    clear()
    void resume()
  }

  /** Shows an earlier submission, which may still be in judging. */
  const open = (id: string) => {
    stop()
    before.current ??= state.kind === 'live' ? { kind: 'idle' } : state.kind === 'unsent' ? { ...state, isWaiting: false } : state
    dispatch({ do: 'begin', purpose: 'submission' })
    follow(id, current.current, 'submission')
  }

  /** Shows the unsent submission or, without one, the last run of this tab in this place, which may still be in judging. */
  const resume = async () => {
    const unsent = unsentAt(place)
    if (unsent !== undefined) return dispatch({ do: 'restore', state: unsent })
    const kept = storedJudging(place)
    if (kept === undefined) return
    const { id, purpose, input } = kept
    stop()
    const mine = current.current
    dispatch({ do: 'begin', purpose, live: READING, input })
    const forget = () => {
      forgetJudging(place)
      clear()
    }
    try {
      const result = await dataOf(api.GET('/api/v1/submissions/{submission_id}', { params: { path: { submission_id: id }, query: {} } }))
      if (current.current !== mine) return
      if (!isFinal(result)) {
        if (purpose === 'submission') underway.current = JSON.stringify([purpose, result.problem?.slug, result.language, result.files?.[0]?.content, undefined])
        return follow(id, mine, purpose, forget)
      }
      dispatch({ do: 'end', result, isAgain: true })
      // The run may have ended while another page was shown.
      onChange(purpose)
    } catch (error) {
      if (current.current !== mine) return
      const status = error instanceof CallError ? error.status : undefined
      // The stream reconnects when the server can be reached again.
      if (isUnread(error)) return follow(id, mine, purpose, forget)
      // A guest's runs are gone with the guest.
      if (status === 403 || status === 404 || guest.hasEnded(error)) return forget()
      dispatch({ do: 'fail', error })
    }
  }

  /** Shows the state from before `open` again, or the state in which the page was left. */
  const close = () => {
    const earlier = before.current
    before.current = undefined
    if (earlier !== undefined) {
      stop()
      dispatch({ do: 'restore', state: earlier })
    }
    if (earlier?.kind === 'idle' || (earlier === undefined && isNew.current)) void resume()
  }

  /** Called with the code in the editor after each change. */
  const noteCode = (source: string) => {
    present.current = source
  }

  /** The submission that the page offers to send. It may have been waiting when the shown run was started. */
  const unsent = state.kind === 'unsent' ? state : (state.kind === 'done' || state.kind === 'failed') && state.purpose !== 'submission' ? unsentAt(place) : undefined

  return { judging: state, unsent, noteCode, start, sendAgain, drop, open, close }
}
