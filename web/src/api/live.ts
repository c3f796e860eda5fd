// Client of a live connection (docs/live.md) for one run at a time. Starts the run, delivers each event once and in
// order, and sends input within the server's window.
//
//   idle ─ start ─► connecting ─ accepted ─► attached ─ verdict ─► idle
//                       ▲                        │
//                       └──── reconnecting ◄─────┘  the connection was lost
//
// Invariants: An event whose number was already received is dropped. An input is kept until the worker has received it,
// so a new connection repeats exactly the lost inputs. A repeated `start` has the same bytes and the same idempotency
// key.

import type { Schema } from './client'

/** Maximum unconsumed input that the server accepts. Source: docs/live.md, "Interactive runs". */
const WINDOW_BYTES = 65_536
const WINDOW_INPUTS = 256
/** Maximum characters of one input. A character has at most 4 bytes, and the server accepts 64 KiB. */
const INPUT_CHARS_MAX = 8_192
/** Maximum input that waits here for the program. Further input is dropped, and the page shows a message. */
export const WAITING_BYTES_MAX = 4 * 1024 * 1024
const WAITING_INPUTS_MAX = 4_096
/** Pauses between attempts to connect; the last pause is repeated. */
const RETRY_MS = [250, 500, 1_000, 2_000, 4_000]
/** Number of automatic attempts. After these, the user must start the next attempt. */
export const RETRIES_MAX = 60
/** The close code of a connection on which a message was too large. Source: RFC 6455, section 7.4.1. */
const TOO_LARGE = 1009
/** Number of connections in a row that a run may lose to messages that are too large before the user must start the next attempt. */
const TOO_LARGE_MAX = 2

export type Signal = 'INT' | 'TERM'

export interface EventData {
  seq: number
  /** `queued`: position in the queue. */
  position?: number
  /** `queued`: a language whose image the workers are still pulling. */
  pulling?: string
  attempt?: number
  ok?: boolean
  stream?: 'stdout' | 'stderr'
  text?: string
  base64?: string
  verdict?: string
  execution_time_ms?: number
  wall_time_ms?: number
  memory_used_kb?: number
}

/** The body of an error response (docs/errors.md). */
export interface Refusal {
  status: number
  code: string
  title?: string
  detail?: string
  request_id?: string
  errors?: Schema['FieldError'][]
}

/** State of the connection. `given-up`: it reconnects only on request. */
export type Link = 'idle' | 'connecting' | 'attached' | 'reconnecting' | 'given-up'

export type DropReason = 'full' | 'large'

export interface Listener {
  link: (link: Link) => void
  accepted: (run: string) => void
  event: (name: string, data: EventData) => void
  /** The run was not started, or can no longer be followed. */
  refused: (error: Refusal, retryAfterSeconds: number | undefined) => void
  /** Input was dropped: too much input is waiting (`full`), or the connection has refused a message as too large (`large`). */
  inputDropped: (why: DropReason) => void
  /** Whether another attempt may succeed after the connection was refused. */
  mayReconnect: () => Promise<boolean>
}

/** The part of `WebSocket` that this client uses. */
export interface Socket {
  send: (text: string) => void
  close: () => void
  onopen: (() => void) | null
  onmessage: ((message: { data: string }) => void) | null
  onclose: ((closed: { code: number; reason: string }) => void) | null
}

type InputBody =
  | { type: 'stdin'; text: string }
  | { type: 'stdin.end' }
  | { type: 'signal'; signal: Signal }
  | { type: 'resize'; cols: number; rows: number }

interface Input {
  body: InputBody
  bytes: number
}

interface Run {
  /** The first `start` message, for repetition. */
  start: string
  /** Whether `start` was sent on an open connection, so that the server may have the run. */
  isSent: boolean
  id: string | undefined
  /** Number of the last event. */
  last: number
  /** Inputs from number `first` on, oldest first. Sent inputs come before waiting inputs. */
  inputs: Input[]
  first: number
  /** Number of the last input that was sent on this connection or that the server already had; less, if inputs are to be sent again or were dropped. */
  sent: number
  consumed: number
  consumedBytes: number
  /** Bytes of standard input with numbers below `first`. */
  bytesBefore: number
  waitingBytes: number
  /** Whether input may be sent: the server has reported its progress on this connection, and no pause after a refusal is left. */
  mayInput: boolean
  killed: boolean
  /** Whether the server follows the run on this connection. */
  isAttached: boolean
  /** Number of connections that have ended with `TOO_LARGE` since the last event. */
  tooLarge: number
}

interface ServerMessage {
  type: string
  run?: string
  event?: string
  data?: EventData
  seq?: number
  bytes?: number
  consumed_seq?: number
  consumed_bytes?: number
  error?: Refusal
  retry_after?: number
}

const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { ignoreBOM: true })

export class LiveRun {
  private socket: Socket | undefined
  private isOpen = false
  private run: Run | undefined
  private failures = 0
  private timer: ReturnType<typeof setTimeout> | undefined

  constructor(
    private readonly open: () => Socket,
    private readonly listener: Listener,
  ) {}

  /** Starts a run, and stops following the previous run. With `tty`, the run is interactive. `key` is the idempotency key. */
  start(request: unknown, key: string, tty?: { cols: number; rows: number }): void {
    this.begin(JSON.stringify({ type: 'start', id: key, request, idempotency_key: key, ...(tty && { tty }) }), undefined)
  }

  /** Follows an existing run from its first event. An earlier page may have started the run. */
  attach(id: string): void {
    this.begin('', id)
  }

  private begin(start: string, id: string | undefined): void {
    if (this.run?.id !== undefined && this.isOpen) this.send({ type: 'detach', run: this.run.id })
    this.run = {
      start, isSent: id !== undefined, id, last: 0, inputs: [], first: 1, sent: 0, consumed: 0, consumedBytes: 0, bytesBefore: 0, waitingBytes: 0,
      mayInput: false, killed: false, isAttached: false, tooLarge: 0,
    }
    this.failures = 0
    clearTimeout(this.timer)
    this.listener.link('connecting')
    if (this.isOpen) this.resume()
    else if (this.socket === undefined) this.connect()
  }

  type(typed: string): void {
    // The server refuses half a surrogate pair, such as a character that was cut when it was copied.
    const text = decoder.decode(encoder.encode(typed))
    for (let at = 0; at < text.length; ) {
      let end = Math.min(text.length, at + INPUT_CHARS_MAX)
      // Both halves of a surrogate pair stay together.
      const last = text.charCodeAt(end - 1)
      if (end < text.length && last >= 0xd800 && last < 0xdc00) end -= 1
      if (!this.input({ type: 'stdin', text: text.slice(at, end) })) return
      at = end
    }
  }

  endInput(): void {
    this.input({ type: 'stdin.end' })
  }

  signal(signal: Signal): void {
    this.input({ type: 'signal', signal })
  }

  resize(cols: number, rows: number): void {
    const waiting = this.run?.inputs.at(-1)
    const isSent = this.run !== undefined && this.run.first + this.run.inputs.length - 1 <= this.run.sent
    // Of several waiting sizes, only the last matters.
    if (waiting?.body.type === 'resize' && !isSent) waiting.body = { type: 'resize', cols, rows }
    else this.input({ type: 'resize', cols, rows })
  }

  kill(): void {
    if (this.run === undefined) return
    this.run.killed = true
    if (this.isOpen && this.run.id !== undefined) this.send({ type: 'kill', run: this.run.id })
  }

  /** Number of the last event. */
  get last(): number | undefined {
    return this.run?.last
  }

  /** Whether the run certainly has not reached the server. */
  get isUnsent(): boolean {
    return this.run?.isSent === false
  }

  /** Bytes of standard input that the program has not read. */
  get unread(): number {
    return this.run === undefined ? 0 : this.run.bytesBefore + this.run.waitingBytes - this.run.consumedBytes
  }

  /** Reconnects at once, also if the present connection seems to be open: the browser may take long to notice that it is dead. */
  reconnect(): void {
    const { run } = this
    if (run === undefined) return
    this.disconnect()
    run.mayInput = false
    this.failures = 0
    this.listener.link('reconnecting')
    this.connect()
  }

  close(): void {
    this.disconnect()
    this.run = undefined
  }

  private disconnect(): void {
    clearTimeout(this.timer)
    const { socket } = this
    this.socket = undefined
    this.isOpen = false
    if (socket !== undefined) {
      socket.onopen = null
      socket.onclose = null
      socket.onmessage = null
      socket.close()
    }
  }

  private connect(): void {
    const socket = this.open()
    this.socket = socket
    socket.onopen = () => {
      this.isOpen = true
      this.failures = 0
      this.resume()
    }
    socket.onmessage = ({ data }) => this.receive(JSON.parse(data) as ServerMessage)
    socket.onclose = ({ code, reason }) => {
      const wasOpen = this.isOpen
      this.socket = undefined
      this.isOpen = false
      const { run } = this
      if (run === undefined) return
      // The same message would end every further connection.
      if (code !== TOO_LARGE) void this.lost(wasOpen)
      else if (run.id === undefined) this.end({ status: 413, code: 'body-too-large', detail: reason })
      else this.tooLarge(run)
    }
  }

  /** Sends the first message of a new connection. */
  private resume(): void {
    const { run } = this
    if (run === undefined) return
    run.isAttached = false
    if (run.id === undefined) {
      run.isSent = true
      this.socket?.send(run.start)
      return
    }
    if (run.killed) this.send({ type: 'kill', run: run.id })
    this.send({ type: 'attach', run: run.id, after: run.last })
  }

  private async lost(wasOpen: boolean): Promise<void> {
    const { run } = this
    if (run === undefined) return
    run.mayInput = false
    this.failures += 1
    this.listener.link('reconnecting')
    if (!wasOpen && !(await this.listener.mayReconnect())) {
      // The listener may have started another run.
      if (this.run !== run) return
      this.run = undefined
      this.listener.link('idle')
      return
    }
    if (this.run !== run || this.socket !== undefined) return
    if (this.failures > RETRIES_MAX) {
      this.listener.link('given-up')
      return
    }
    clearTimeout(this.timer)
    this.timer = setTimeout(() => this.socket === undefined && this.run !== undefined && this.connect(), this.pause())
  }

  private pause(): number {
    return RETRY_MS[Math.min(this.failures, RETRY_MS.length) - 1] ?? 0
  }

  /** The run goes on. A gateway may accept smaller messages than the server, so the input that the server may not have is dropped. */
  private tooLarge(run: Run): void {
    const size = run.inputs.findLast(({ body }) => body.type === 'resize')
    if (run.inputs.some(({ body }) => body.type !== 'resize')) this.listener.inputDropped('large')
    run.inputs = size === undefined ? [] : [size]
    run.waitingBytes = 0
    run.sent = 0
    run.tooLarge += 1
    if (run.tooLarge < TOO_LARGE_MAX) return void this.lost(true)
    run.mayInput = false
    this.listener.link('given-up')
  }

  private receive(message: ServerMessage): void {
    const { run } = this
    if (run === undefined) return
    // The message belongs to an earlier run. As long as this run has no id, only `accepted` can be about it.
    if (message.run !== undefined && message.run !== run.id && message.type !== 'accepted') return
    switch (message.type) {
      case 'accepted':
        if (run.id !== undefined || message.run === undefined) return
        run.id = message.run
        this.listener.accepted(run.id)
        this.attached(run)
        if (run.killed) this.send({ type: 'kill', run: run.id })
        return
      case 'attached':
        this.attached(run)
        return
      case 'event':
        if (run.id !== undefined && message.event !== undefined && message.data !== undefined) this.event(run, message.event, message.data)
        return
      case 'input':
        if (run.id !== undefined) this.progress(run, message)
        return
      case 'detached':
        if (run.id !== undefined) this.resume()
        return
      case 'error':
        if (message.error !== undefined) this.error(run, message.error, message.retry_after)
        return
    }
  }

  private attached(run: Run): void {
    run.isAttached = true
    this.listener.link('attached')
  }

  private event(run: Run, name: string, data: EventData): void {
    const isOutsideLog = name === 'gap' || name === 'scheduled'
    if (!isOutsideLog && data.seq <= run.last) return
    if (!isOutsideLog) run.last = data.seq
    run.tooLarge = 0
    this.failures = 0
    // A refused kill or attach does not end the connection's events.
    if (!run.isAttached) this.attached(run)
    this.listener.event(name, data)
    if (name !== 'verdict') return
    this.run = undefined
    this.listener.link('idle')
  }

  private progress(run: Run, { seq = 0, bytes = 0, consumed_seq = 0, consumed_bytes = 0 }: ServerMessage): void {
    run.consumed = Math.max(run.consumed, consumed_seq)
    run.consumedBytes = Math.max(run.consumedBytes, consumed_bytes)
    while (run.first <= Math.min(run.consumed, run.sent)) {
      const taken = run.inputs.shift()
      if (taken === undefined) break
      run.first += 1
      run.bytesBefore += taken.bytes
      run.waitingBytes -= taken.bytes
    }
    // Another page has sent input, or some was dropped here. What was not sent yet follows the server's last input.
    if (run.sent < run.first && run.first <= seq) {
      run.first = seq + 1
      run.bytesBefore = bytes
    }
    // On a new connection, and after a refusal, the server reports the last input that it has.
    run.sent = Math.max(run.mayInput ? run.sent : seq, run.first - 1)
    run.mayInput = true
    this.flush(run)
  }

  private error(run: Run, error: Refusal, retryAfter: number | undefined): void {
    if (error.code === 'input-window-full' || error.code === 'input-out-of-order') {
      // The next progress report has the number from which to continue.
      run.mayInput = false
      return
    }
    // The limits of the user or the server, or a failure that will pass.
    if (run.id !== undefined && (error.status === 429 || error.status === 503)) {
      // The server may fail to follow a run after `attached`.
      if (error.status === 503 && run.isAttached) {
        run.isAttached = false
        this.listener.link('reconnecting')
      }
      return this.postpone(run, retryAfter)
    }
    // An input or a kill arrived after the run had ended, or this connection follows the run already.
    if (run.id !== undefined && error.code === 'conflict') return
    this.end(error, retryAfter)
  }

  /** Repeats what the server has refused: to follow the run, or an input. */
  private postpone(run: Run, seconds = 1): void {
    run.mayInput = false
    clearTimeout(this.timer)
    // If the run is attached, no connection was lost, so only the pauses become longer.
    if (!run.isAttached || this.failures < RETRY_MS.length) this.failures += 1
    if (!run.isAttached && this.failures > RETRIES_MAX) return this.listener.link('given-up')
    this.timer = setTimeout(() => {
      if (!this.isOpen || this.run !== run) return
      if (!run.isAttached) return this.resume()
      if (run.killed) return this.send({ type: 'kill', run: run.id })
      if (run.mayInput) return
      run.sent = run.first - 1
      run.mayInput = true
      this.flush(run)
    }, Math.max(seconds * 1_000, this.pause()))
  }

  private end(error: Refusal, retryAfter?: number): void {
    if (this.run === undefined) return
    // The server would take the page for a client of the run, which could then not end.
    if (this.run.id !== undefined && this.isOpen) this.send({ type: 'detach', run: this.run.id })
    this.run = undefined
    this.listener.link('idle')
    this.listener.refused(error, retryAfter)
  }

  private input(body: InputBody): boolean {
    const { run } = this
    if (run === undefined) return false
    const bytes = body.type === 'stdin' ? encoder.encode(body.text).length : 0
    if (run.waitingBytes + bytes > WAITING_BYTES_MAX || run.inputs.length >= WAITING_INPUTS_MAX) {
      this.listener.inputDropped('full')
      return false
    }
    run.inputs.push({ body, bytes })
    run.waitingBytes += bytes
    this.flush(run)
    return true
  }

  /** Sends waiting inputs within the window. */
  private flush(run: Run): void {
    if (!this.isOpen || !run.mayInput || run.id === undefined) return
    let bytes = run.bytesBefore - run.consumedBytes
    for (const [at, input] of run.inputs.entries()) {
      const seq = run.first + at
      bytes += input.bytes
      if (bytes > WINDOW_BYTES || seq - run.consumed > WINDOW_INPUTS) return
      if (seq <= run.sent) continue
      run.sent = seq
      this.send({ ...input.body, run: run.id, seq })
    }
  }

  private send(message: unknown): void {
    this.socket?.send(JSON.stringify(message))
  }
}

/** The bytes of an `output` event. */
export function bytesOf({ text, base64 }: EventData): Uint8Array {
  if (base64 === undefined) return encoder.encode(text ?? '')
  return Uint8Array.from(atob(base64), (c) => c.charCodeAt(0))
}
