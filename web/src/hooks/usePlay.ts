// One run of the playground at a time, over one live connection: its output so far, and its result.
//
// Output goes to the terminal as bytes, or is kept here as text for the page, at most `OUTPUT_CHARS_MAX` of each stream.
import { useEffect, useReducer, useRef } from 'react'
import { addressOf, api, CallError, dataOf, pageUser, ROOT, type Schema } from '../api/client'
import { bytesOf, LiveRun, type DropReason, type EventData, type Link, type Refusal, type Socket } from '../api/live'
import { forgetRun, storeRun, storedRun } from '../util/stored-run'
import type { Asked } from '../util/ending'
import { after, EVENTS, SENDING, type EventName, type Phase } from '../util/live'
import { isAway, isUnread, Reach } from '../util/reach'
import { uniqueKey } from '../util/unique-key'
import { useGuest } from './useGuest'

/** Maximum number of characters that the page keeps of each stream. */
const OUTPUT_CHARS_MAX = 256 * 1024
/** Time between the two signals of Stop. */
const STOP_MS = 2_000
/** Time after which the connection of a page that was hidden may be dead: the server's time for three unanswered pings. */
const DEAD_AFTER_MS = 45_000
/** What a terminal sends for Ctrl-C. */
const CTRL_C = '\x03'

export type PlayResult = Schema['SubmissionView']

export interface Meters {
  cpuMs: number | undefined
  wallMs: number | undefined
  memoryKb: number | undefined
}

export interface PlayState {
  kind: 'idle' | 'live' | 'done' | 'failed'
  phase: Phase
  /** Position in the queue, if known. */
  position: number | undefined
  link: Link
  isTerminal: boolean
  stdout: string
  stderr: string
  /** Whether output was omitted from `stdout` or `stderr`. */
  isCut: boolean
  /** Whether the server has dropped events, because this page was too slow. */
  hasGap: boolean
  /** Why typed text was dropped, if some was. */
  droppedInput: DropReason | undefined
  /** Bytes of input that did not reach the program before the connection was lost. */
  unread: number
  wasLost: boolean
  isStopping: boolean
  /** What the user did to end the program, if anything. */
  asked: Asked | undefined
  meters: Meters | undefined
  verdict: string | undefined
  result: PlayResult | undefined
  error: unknown
}

/** The state before the first run. */
export const IDLE: PlayState = {
  kind: 'idle', phase: 'sending', position: undefined, link: 'idle', isTerminal: false, stdout: '', stderr: '', isCut: false, hasGap: false, droppedInput: undefined,
  unread: 0, wasLost: false, isStopping: false, asked: undefined, meters: undefined, verdict: undefined, result: undefined, error: undefined,
}

const change = (state: PlayState, with_: Partial<PlayState>): PlayState => ({ ...state, ...with_ })

const openSocket = (): Socket => {
  const address = new URL(addressOf('/api/v1/live'))
  address.protocol = ROOT.protocol === 'https:' ? 'wss:' : 'ws:'
  const user = pageUser()
  if (user !== undefined) address.searchParams.set('user', user)
  return new WebSocket(address) as unknown as Socket
}

/** What `LiveRun` gets if the connection cannot be opened now. Source of the code: RFC 6455, section 7.1.5. */
const LOST = { code: 1006, reason: '' }

interface Size {
  cols: number
  rows: number
}

export const signedOut = (): CallError => new CallError(401, 'unauthorized', '', '', undefined)

const callError = ({ status, code, title, detail, request_id, errors = [] }: Refusal, retryAfterSeconds: number | undefined): CallError =>
  new CallError(status, code, title ?? code, detail ?? '', request_id, Object.fromEntries(errors.map((one) => [one.pointer, one])), retryAfterSeconds)

export interface Output {
  /** Called with the program's output, in order. `isRepeated`: an earlier page has shown it, and has answered its queries. */
  write: (bytes: Uint8Array, isRepeated: boolean) => void
  /** Called when a new run starts. */
  reset: () => void
}

/** `place` identifies the runs that are followed again after a reload of the page, such as the runs of a language. */
export function usePlay(terminal: Output, place: string) {
  const [state, dispatch] = useReducer(change, IDLE)
  const output = useRef(terminal)
  useEffect(() => {
    output.current = terminal
  })
  const live = useRef<LiveRun>(null)
  const guest = useGuest()
  /** The user to whom the connection belongs. */
  const owner = useRef<string>(undefined)
  /** The current run, if this page has started it. */
  const sent = useRef<[unknown, Size | undefined, string]>(undefined)
  /** Output since the last frame. It is collected so that many events cause only one render. */
  const text = useRef({ stdout: '', stderr: '', isCut: false, frame: 0, decoders: decoders() })
  const now = useRef({ phase: SENDING, isTerminal: false, run: undefined as string | undefined, seen: 0, begun: 0, isRenewed: false, wasLost: false, began: undefined as number | undefined, stop: undefined as ReturnType<typeof setTimeout> | undefined })

  const reach = useRef(new Reach())

  // Stores the number of the last event that was shown here, for the page that follows the run next. This effect is before the next one,
  // which forgets the run.
  useEffect(() => {
    const note = () => {
      const kept = storedRun(place)
      const seen = live.current?.last
      if (kept !== undefined && kept.run === now.current.run && seen !== undefined) storeRun({ ...kept, seen: Math.max(seen, kept.seen ?? 0) })
    }
    addEventListener('pagehide', note)
    return () => {
      removeEventListener('pagehide', note)
      note()
    }
  }, [place])

  useEffect(
    () => () => {
      live.current?.close()
      live.current = null
      now.current.run = undefined
      now.current.begun += 1
      reach.current.again()
      clearTimeout(now.current.stop)
      cancelAnimationFrame(text.current.frame)
    },
    [],
  )

  // After a change of the network or a long sleep, the browser may keep a dead connection. Also after the last automatic attempt.
  useEffect(() => {
    let hiddenAt = Infinity
    const online = () => live.current?.reconnect()
    const turn = () => {
      if (document.hidden) hiddenAt = Date.now()
      else if (Date.now() - hiddenAt > DEAD_AFTER_MS) online()
    }
    addEventListener('online', online)
    document.addEventListener('visibilitychange', turn)
    return () => {
      removeEventListener('online', online)
      document.removeEventListener('visibilitychange', turn)
    }
  }, [])

  const show = () => {
    cancelAnimationFrame(text.current.frame)
    text.current.frame = requestAnimationFrame(() => {
      const { stdout, stderr, isCut } = text.current
      dispatch({ stdout, stderr, isCut })
    })
  }
  const take = (data: EventData) => {
    const bytes = bytesOf(data)
    if (now.current.isTerminal) {
      output.current.write(bytes, data.seq <= now.current.seen)
      return
    }
    const stream = data.stream ?? 'stdout'
    const room = OUTPUT_CHARS_MAX - text.current[stream].length
    if (room <= 0) {
      text.current.isCut = true
      return
    }
    const more = text.current.decoders[stream].decode(bytes, { stream: true })
    text.current[stream] += more.slice(0, room)
    if (more.length > room) text.current.isCut = true
    show()
  }
  const discard = () => {
    Object.assign(text.current, { stdout: '', stderr: '', isCut: false, decoders: decoders() })
    output.current.reset()
    show()
  }
  const finish = async (data: EventData) => {
    clearTimeout(now.current.stop)
    const mine = now.current.begun
    const { run, began } = now.current
    const ended = performance.now()
    const unread = now.current.wasLost || data.verdict === 'JE' ? (live.current?.unread ?? 0) : 0
    dispatch({ verdict: data.verdict, phase: 'reading', unread })
    try {
      const params = { path: { submission_id: run ?? '' }, query: {} }
      const lost = () => dispatch({ link: 'reconnecting', wasLost: true })
      const result = await reach.current.call(() => dataOf(api.GET('/api/v1/submissions/{submission_id}', { params })), isUnread, () => now.current.begun === mine, lost)
      if (result === undefined) return
      // A run that the user has ended has no figures, so the page measures its time.
      const elapsed = result.verdict === 'CANCELLED' && began !== undefined ? Math.round(ended - began) : undefined
      const meters = { cpuMs: result.execution_time_ms ?? undefined, wallMs: result.wall_time_ms ?? elapsed, memoryKb: result.memory_used_kb ?? undefined }
      if (now.current.begun !== mine) return
      forgetRun(place)
      // The result has the whole output, of which this page may have received only a part.
      if (!now.current.isTerminal) {
        cancelAnimationFrame(text.current.frame)
        for (const stream of ['stdout', 'stderr'] as const) {
          if ((result[stream]?.length ?? 0) > text.current[stream].length) text.current[stream] = result[stream]?.slice(0, OUTPUT_CHARS_MAX) ?? ''
        }
        const { stdout, stderr } = text.current
        dispatch({ stdout, stderr, ...(result.stdout != null && { hasGap: false }) })
      }
      dispatch({ kind: 'done', link: 'idle', result, meters, isStopping: false })
    } catch (error) {
      if (now.current.begun !== mine) return
      // Another guest runs the program again.
      if (guest.hasEnded(error) && !(await mayReconnect())) return
      forgetRun(place)
      dispatch({ kind: 'failed', link: 'idle', error, isStopping: false })
    }
  }
  const event = (name: string, data: EventData) => {
    if (name === 'output') return take(data)
    if (name === 'gap') {
      // CAN ends an escape sequence whose rest was dropped.
      if (now.current.isTerminal) output.current.write(Uint8Array.of(0x18), false)
      return dispatch({ hasGap: true })
    }
    // The terminal keeps the output of the previous attempt, because that attempt has read the user's input.
    if (name === 'started' && (data.attempt ?? 1) > 1 && !now.current.isTerminal) discard()
    if (name === 'verdict') return void finish(data)
    if (name === 'test.start') now.current.began = performance.now()
    const known = EVENTS.find((one): one is EventName => one === name)
    if (known !== undefined) now.current.phase = after(now.current.phase, known, data)
    const meters = name === 'test.end' ? { meters: { cpuMs: data.execution_time_ms, wallMs: data.wall_time_ms, memoryKb: data.memory_used_kb } } : {}
    dispatch({ phase: now.current.phase.phase, position: now.current.phase.position, ...meters })
  }
  const mayReconnect = async (): Promise<boolean> => {
    const mine = now.current.begun
    try {
      const session = await dataOf(api.GET('/api/v1/session'))
      if (now.current.begun !== mine) return false
      // After another user has signed in, the server refuses this page.
      const id = (session.user ?? session.guest)?.user_id
      if (id !== undefined && id === (pageUser() ?? id)) return true
      if (guest.isVisitor()) {
        const isFirst = pageUser() === undefined
        if (!guest.take(session)) return leave()
        if (isFirst) return true
        // A browser that keeps no cookie would make a guest for each attempt.
        if (!now.current.isRenewed) {
          now.current.isRenewed = true
          if (now.current.run === undefined) return true
          // The run has ended with its guest.
          if (sent.current === undefined) return leave()
          start(...sent.current, true)
          return false
        }
      }
      dispatch({ kind: 'failed', error: signedOut() })
      return false
    } catch {
      // The server cannot be reached at the moment.
      return true
    }
  }
  /** Ends the run here. The server does not have it. */
  const leave = (): false => {
    live.current?.close()
    live.current = null
    now.current.begun += 1
    forgetRun(place)
    dispatch(IDLE)
    return false
  }
  /** Opens a connection. A visitor becomes a guest first; until then, `LiveRun` keeps the program and the input as without a connection. */
  const connect = (): Socket => {
    if (pageUser() !== undefined) return openSocket()
    let opened: Socket | undefined
    let isClosed = false
    // `LiveRun` sets the other fields.
    const socket = {
      send: (text) => opened?.send(text),
      close: () => {
        isClosed = true
        opened?.close()
      },
    } as Socket
    guest.enter().then(
      (mayRun) => {
        if (isClosed) return
        if (!mayRun) return leave()
        owner.current = pageUser()
        opened = openSocket()
        opened.onopen = () => socket.onopen?.()
        opened.onmessage = (message) => socket.onmessage?.(message)
        opened.onclose = (closed) => socket.onclose?.(closed)
      },
      (error: unknown) => {
        if (isClosed) return
        if (isAway(error)) return socket.onclose?.(LOST)
        live.current?.close()
        dispatch({ kind: 'failed', link: 'idle', error })
      },
    )
    return socket
  }
  const client = (): LiveRun => {
    if (owner.current !== pageUser()) {
      // A new guest has taken the place of another one.
      live.current?.close()
      live.current = null
    }
    owner.current = pageUser()
    live.current ??= new LiveRun(connect, {
      link: (link) => {
        // A program that the server does not have yet loses nothing.
        const isLost = link === 'reconnecting' && now.current.run !== undefined
        if (isLost) now.current.wasLost = true
        dispatch({ link, ...(isLost && { wasLost: true }) })
      },
      accepted: (run) => {
        now.current.run = run
        storeRun({ place, run, isTerminal: now.current.isTerminal })
      },
      event,
      refused: (error, retryAfterSeconds) => {
        forgetRun(place)
        // The guest has ended while the connection was open.
        if (error.status === 401 && guest.isVisitor() && sent.current !== undefined && !now.current.isRenewed) {
          return void mayReconnect().then((may) => may && sent.current !== undefined && start(...sent.current, true))
        }
        // After a reload, a run that the server no longer has is not reported as an error.
        if (sent.current === undefined && error.status === 404) dispatch(IDLE)
        else dispatch({ kind: 'failed', error: callError(error, retryAfterSeconds) })
      },
      inputDropped: (droppedInput) => dispatch({ droppedInput }),
      mayReconnect,
    })
    return live.current
  }

  const begin = (isTerminal: boolean, run: string | undefined, isRenewed: boolean, seen = 0) => {
    Object.assign(now.current, { phase: SENDING, isTerminal, run, seen, begun: now.current.begun + 1, isRenewed, wasLost: false, began: undefined })
    discard()
    dispatch({ ...IDLE, kind: 'live', isTerminal })
  }
  /** Starts a run, with `tty` in the terminal. `key` is the idempotency key. `isRenewed`: it repeats that of a guest who has ended. */
  const start = (request: unknown, tty: Size | undefined, key = uniqueKey(), isRenewed = false) => {
    clearTimeout(now.current.stop)
    forgetRun(place)
    sent.current = [request, tty, key]
    begin(tty !== undefined, undefined, isRenewed)
    client().start(request, key, tty)
  }
  /** Follows the run that was in progress when the page was reloaded, if any. Its output is sent again. */
  const follow = () => {
    const kept = storedRun(place)
    if (kept === undefined || now.current.run !== undefined) return
    // The guest who has started the run has ended.
    if (pageUser() === undefined) return forgetRun(place)
    const { run, isTerminal, seen } = kept
    begin(isTerminal, run, false, seen)
    client().attach(run)
  }
  /** Asks a program in the terminal to end. A run that has not started yet is cancelled. */
  const stop = () => {
    if (now.current.phase.phase !== 'running') return kill()
    dispatch({ isStopping: true, asked: 'stop' })
    live.current?.signal('INT')
    clearTimeout(now.current.stop)
    now.current.stop = setTimeout(() => live.current?.signal('TERM'), STOP_MS)
  }

  const kill = () => {
    // The server does not have the program: the page is that of a visitor who is not a guest yet, or there was no connection.
    if (pageUser() === undefined || live.current?.isUnsent) return leave()
    dispatch({ asked: 'kill' })
    live.current?.kill()
  }
  const type = (typed: string) => {
    if (typed.includes(CTRL_C)) dispatch({ asked: 'stop' })
    live.current?.type(typed)
  }

  return {
    state,
    start,
    follow,
    stop,
    kill,
    type,
    resize: (cols: number, rows: number) => live.current?.resize(cols, rows),
    reconnect: () => live.current?.reconnect(),
  }
}

const decoders = () => ({ stdout: new TextDecoder(), stderr: new TextDecoder() })
