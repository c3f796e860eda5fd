import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { bytesOf, LiveRun, RETRIES_MAX, WAITING_BYTES_MAX, type EventData, type Link, type Socket } from './live'

/** What a browser reports of a connection that has ended without a close frame. */
const LOST = { code: 1006, reason: '' }

/** What a browser reports of a connection that has ended because a message was too large. */
const TOO_LARGE = { code: 1009, reason: 'a message has at most 262144 bytes' }

/** The server's side of one connection. */
class Wire implements Socket {
  sent: { type: string; [field: string]: unknown }[] = []
  raw: string[] = []
  onopen: (() => void) | null = null
  onmessage: ((message: { data: string }) => void) | null = null
  onclose: ((closed: { code: number; reason: string }) => void) | null = null
  send(text: string) {
    this.raw.push(text)
    this.sent.push(JSON.parse(text) as { type: string })
  }
  close() {}
  says(message: object) {
    this.onmessage?.({ data: JSON.stringify(message) })
  }
  inputs() {
    return this.sent.filter(({ seq }) => seq !== undefined).map(({ seq, text, type }) => [seq, text ?? type])
  }
}

function setUp({ mayReconnect = true } = {}) {
  const wires: Wire[] = []
  const seen = { links: [] as Link[], events: [] as [string, EventData][], refused: [] as string[], details: [] as (string | undefined)[], dropped: [] as string[] }
  const live = new LiveRun(
    () => {
      const wire = new Wire()
      wires.push(wire)
      return wire
    },
    {
      link: (link) => seen.links.push(link),
      accepted: () => {},
      event: (name, data) => seen.events.push([name, data]),
      refused: ({ code, detail }) => {
        seen.refused.push(code)
        seen.details.push(detail)
      },
      inputDropped: (why) => seen.dropped.push(why),
      mayReconnect: () => Promise.resolve(mayReconnect),
    },
  )
  const wire = () => wires[wires.length - 1] as Wire
  return { live, seen, wire, wires }
}

const progress = (seq: number, bytes: number, consumed_seq = seq, consumed_bytes = bytes) => ({ type: 'input', run: 'r', seq, bytes, consumed_seq, consumed_bytes })
const event = (name: string, seq: number, data: object = {}) => ({ type: 'event', run: 'r', event: name, data: { seq, ...data } })

/** A run that has started on the first connection. */
function begun(options?: { mayReconnect?: boolean }) {
  const all = setUp(options)
  all.live.start({ language: 'python' }, 'key', { cols: 80, rows: 24 })
  all.wire().onopen?.()
  all.wire().says({ type: 'accepted', id: 'key', run: 'r' })
  all.wire().says(progress(0, 0))
  return all
}

/** Closes the connection, and opens another one after the pause. */
async function lose(all: ReturnType<typeof setUp>) {
  all.wire().onclose?.(LOST)
  await vi.advanceTimersByTimeAsync(10_000)
  all.wire().onopen?.()
}

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

describe('events', () => {
  it('are delivered once and in order, even if a new connection repeats them', async () => {
    const all = begun()
    all.wire().says(event('started', 5))
    all.wire().says(event('output', 6, { text: 'a' }))
    await lose(all)
    expect(all.wire().sent).toEqual([{ type: 'attach', run: 'r', after: 6 }])
    all.wire().says({ type: 'attached', run: 'r' })
    all.wire().says(event('output', 6, { text: 'a' }))
    all.wire().says(event('output', 7, { text: 'b' }))
    all.wire().says(event('verdict', 9, { verdict: 'AC' }))
    expect(all.seen.events.map(([name, { seq }]) => [name, seq])).toEqual([['started', 5], ['output', 6], ['output', 7], ['verdict', 9]])
    expect(all.seen.links).toEqual(['connecting', 'attached', 'reconnecting', 'attached', 'idle'])
  })

  it('of an earlier run are ignored', () => {
    const all = begun()
    all.live.start({}, 'second')
    all.wire().says({ type: 'accepted', id: 'second', run: 's' })
    all.wire().says(event('output', 6, { text: 'late' }))
    expect(all.wire().sent.map(({ type }) => type)).toEqual(['start', 'detach', 'start'])
    expect(all.seen.events).toEqual([])
  })

  it('and errors of an earlier run are ignored until the new run is accepted', () => {
    const all = begun()
    all.live.start({}, 'second')
    all.wire().says({ type: 'error', run: 'r', error: { status: 409, code: 'conflict' } })
    all.wire().says({ type: 'error', run: 'r', error: { status: 429, code: 'rate-limited' } })
    all.wire().says(event('output', 6, { text: 'late' }))
    all.wire().says({ type: 'accepted', id: 'second', run: 's' })
    all.wire().says({ ...event('output', 7, { text: 'new' }), run: 's' })
    expect([all.seen.refused, all.seen.events.map(([, { text }]) => text)]).toEqual([[], ['new']])
  })

  it('that were dropped are reported, and the resume position does not change', async () => {
    const all = begun()
    all.wire().says(event('output', 6))
    all.wire().says(event('gap', 6))
    expect(all.seen.events.map(([name]) => name)).toEqual(['output', 'gap'])
    await lose(all)
    expect(all.wire().sent[0]).toMatchObject({ after: 6 })
  })
})

describe('a start', () => {
  it('is repeated byte for byte if the connection was lost before its answer', async () => {
    const all = setUp()
    all.live.start({ language: 'c' }, 'key', { cols: 80, rows: 24 })
    all.wire().onopen?.()
    await lose(all)
    expect(all.wires[1]?.raw).toEqual(all.wires[0]?.raw)
    expect(all.wire().sent[0]).toMatchObject({ type: 'start', idempotency_key: 'key', tty: { cols: 80, rows: 24 } })
  })

  it('that is too large for a message ends with the reason of the server, and is not sent again', async () => {
    const all = setUp()
    all.live.start({ language: 'python' }, 'key')
    all.wire().onopen?.()
    all.wire().onclose?.(TOO_LARGE)
    await vi.advanceTimersByTimeAsync(600_000)
    expect([all.wires.length, all.seen.refused, all.seen.details, all.seen.links.at(-1)]).toEqual([1, ['body-too-large'], [TOO_LARGE.reason], 'idle'])
  })

  it('that is refused reports the reason, and the connection accepts the next start', () => {
    const all = setUp()
    all.live.start({}, 'one')
    all.wire().onopen?.()
    all.wire().says({ type: 'error', id: 'one', error: { status: 422, code: 'unknown-language' } })
    expect([all.seen.refused, all.seen.links.at(-1)]).toEqual([['unknown-language'], 'idle'])
    all.live.start({}, 'two')
    expect([all.wires.length, all.wire().sent.at(-1)?.['id']]).toEqual([1, 'two'])
  })
})

describe('a run', () => {
  it('has not reached the server until its start was sent on an open connection', async () => {
    const all = setUp()
    expect(all.live.isUnsent).toBe(false)
    all.live.start({}, 'key')
    all.wire().onclose?.(LOST)
    await vi.advanceTimersByTimeAsync(1_000)
    expect([all.wires.length, all.live.isUnsent]).toEqual([2, true])
    all.wire().onopen?.()
    expect(all.live.isUnsent).toBe(false)
    all.wire().onclose?.(LOST)
    expect(all.live.isUnsent).toBe(false)
    all.live.attach('r')
    expect(all.live.isUnsent).toBe(false)
  })
})

describe('input', () => {
  it('has consecutive numbers, and waits until the server reports progress', () => {
    const all = setUp()
    all.live.start({}, 'key')
    all.live.type('early')
    all.wire().onopen?.()
    all.wire().says({ type: 'accepted', run: 'r' })
    expect(all.wire().inputs()).toEqual([])
    all.wire().says(progress(0, 0))
    all.live.signal('INT')
    all.live.endInput()
    expect(all.wire().inputs()).toEqual([[1, 'early'], [2, 'signal'], [3, 'stdin.end']])
  })

  it('that the server did not get is sent again after a lost connection, and nothing else', async () => {
    const all = begun()
    all.live.type('a')
    all.live.type('b')
    all.live.type('c')
    all.wire().says(progress(1, 1))
    all.wire().onclose?.(LOST)
    all.live.type('d')
    await vi.advanceTimersByTimeAsync(1_000)
    all.wire().onopen?.()
    expect(all.wire().inputs(), 'it waits for the number to go on from').toEqual([])
    all.wire().says(progress(2, 2, 1, 1))
    expect(all.wire().inputs()).toEqual([[3, 'c'], [4, 'd']])
  })

  it('that a restarted server no longer has is sent again', async () => {
    const all = begun()
    all.live.type('a')
    all.wire().says(progress(1, 1, 0, 0))
    await lose(all)
    all.wire().says(progress(0, 0))
    expect(all.wire().inputs()).toEqual([[1, 'a']])
  })

  it('never exceeds the window of 64 KiB and 256 inputs', () => {
    const all = begun()
    all.live.type('x'.repeat(100_000))
    const bytes = () => all.wire().sent.reduce((sum, { text }) => sum + (typeof text === 'string' ? text.length : 0), 0)
    expect(bytes()).toBe(65_536)
    all.wire().says(progress(8, 65_536, 4, 32_768))
    expect(bytes()).toBe(32_768 + 65_536)
    all.wire().says(progress(12, 98_304))
    expect(bytes()).toBe(100_000)
    const before = all.wire().inputs().length
    for (let n = 0; n < 300; n += 1) all.live.type('y')
    // The last part of the long text is still unconsumed.
    expect(all.wire().inputs().length - before).toBe(255)
  })

  it('that the server refused is sent again when the window permits it', () => {
    const all = begun()
    all.live.type('a')
    all.wire().says({ type: 'error', run: 'r', error: { status: 429, code: 'input-window-full' } })
    all.live.type('b')
    all.wire().says(progress(0, 0))
    expect(all.wire().inputs()).toEqual([[1, 'a'], [1, 'a'], [2, 'b']])
  })

  it('that a rate limit refused is sent again with the same number after the pause, and without a new attachment', async () => {
    const all = begun()
    all.live.type('a')
    all.live.type('b')
    all.wire().says({ type: 'error', run: 'r', error: { status: 429, code: 'rate-limited' }, retry_after: 2 })
    all.wire().says({ type: 'error', run: 'r', error: { status: 409, code: 'input-out-of-order' } })
    all.live.type('c')
    await vi.advanceTimersByTimeAsync(1_900)
    expect(all.wire().inputs()).toEqual([[1, 'a'], [2, 'b']])
    await vi.advanceTimersByTimeAsync(200)
    expect(all.wire().inputs().slice(2)).toEqual([[1, 'a'], [2, 'b'], [3, 'c']])
    expect(all.wire().sent.map(({ type }) => type)).not.toContain('attach')
  })

  it('that a rate limit refuses again and again is repeated with longer pauses', async () => {
    const all = begun()
    all.live.type('a')
    const refuse = () => all.wire().says({ type: 'error', run: 'r', error: { status: 429, code: 'rate-limited' }, retry_after: 1 })
    refuse()
    for (let seconds = 0; seconds < 60; seconds += 1) {
      const before = all.wire().inputs().length
      await vi.advanceTimersByTimeAsync(1_000)
      if (all.wire().inputs().length > before) refuse()
    }
    expect(all.wire().inputs().length).toBeGreaterThan(10)
    expect(all.wire().inputs().length).toBeLessThan(22)
    expect(all.seen.links).toEqual(['connecting', 'attached'])
  })

  it('follows the input of another page that the program has read', () => {
    const all = begun()
    all.live.type('a')
    all.wire().says(progress(1, 1))
    all.wire().says(progress(6, 30))
    expect(all.live.unread).toBe(0)
    all.live.type('b')
    all.live.type('c')
    all.wire().says(progress(8, 32, 7, 31))
    expect(all.wire().inputs()).toEqual([[1, 'a'], [7, 'b'], [8, 'c']])
    expect(all.live.unread).toBe(1)
  })

  it('that was typed without a connection is not lost if another page has sent input meanwhile', async () => {
    const all = begun()
    all.wire().onclose?.(LOST)
    all.live.type('mine')
    await vi.advanceTimersByTimeAsync(1_000)
    all.wire().onopen?.()
    all.wire().says(progress(3, 9))
    expect(all.wire().inputs()).toEqual([[4, 'mine']])
    expect(all.live.unread).toBe(4)
  })

  it('beyond the bound is dropped with a message', () => {
    const all = begun()
    all.live.type('x'.repeat(WAITING_BYTES_MAX))
    expect(all.seen.dropped).toEqual([])
    all.live.type('x')
    expect(all.seen.dropped).toEqual(['full'])
  })

  it('keeps both halves of a character together', () => {
    const all = begun()
    all.live.type(`${'x'.repeat(8_191)}😀`)
    expect(all.wire().inputs().map(([, text]) => (text as string).length)).toEqual([8_191, 2])
  })

  it('with half a character is sent with a replacement character', () => {
    const all = begun()
    all.live.type('\ufeffa\ud83d')
    expect(all.wire().inputs()).toEqual([[1, '\ufeffa\ufffd']])
  })

  it('that the server refuses ends the run in this page, which leaves the run', () => {
    const all = begun()
    all.live.type('a')
    all.wire().says({ type: 'error', run: 'r', error: { code: 'invalid-body', status: 400, detail: 'no text' } })
    expect(all.seen.refused).toEqual(['invalid-body'])
    expect(all.wire().sent.at(-1)).toEqual({ type: 'detach', run: 'r' })
  })

  it('keeps only the last of several waiting sizes', () => {
    const all = setUp()
    all.live.start({}, 'key', { cols: 80, rows: 24 })
    all.live.resize(90, 24)
    all.live.resize(100, 30)
    all.wire().onopen?.()
    all.wire().says({ type: 'accepted', run: 'r' })
    all.wire().says(progress(0, 0))
    expect(all.wire().sent.filter(({ type }) => type === 'resize')).toEqual([{ type: 'resize', cols: 100, rows: 30, run: 'r', seq: 1 }])
  })

  it('that the program has not read is counted', () => {
    const all = begun()
    all.live.type('abc')
    all.live.type('é')
    all.wire().says(progress(2, 5, 1, 3))
    expect(all.live.unread).toBe(2)
  })
})

describe('a lost connection', () => {
  it('is retried a bounded number of times, and then only on request', async () => {
    const all = begun()
    for (let n = 0; n <= RETRIES_MAX; n += 1) {
      all.wire().onclose?.(LOST)
      await vi.advanceTimersByTimeAsync(10_000)
    }
    expect(all.seen.links.at(-1)).toBe('given-up')
    const before = all.wires.length
    all.live.reconnect()
    expect(all.wires.length).toBe(before + 1)
    all.wire().onopen?.()
    expect(all.wire().sent).toEqual([{ type: 'attach', run: 'r', after: 0 }])
  })

  it('is replaced on request although it seems to be open, and no input is lost or repeated', () => {
    const all = begun()
    all.live.type('a')
    all.wire().says(event('started', 4))
    const dead = all.wire()
    all.live.reconnect()
    all.live.type('b')
    dead.onclose?.(LOST)
    all.wire().onopen?.()
    expect(all.wire().sent).toEqual([{ type: 'attach', run: 'r', after: 4 }])
    all.wire().says({ type: 'attached', run: 'r' })
    all.wire().says(progress(0, 0))
    expect(all.wire().inputs()).toEqual([[1, 'a'], [2, 'b']])
    expect([all.wires.length, all.seen.links]).toEqual([2, ['connecting', 'attached', 'reconnecting', 'attached']])
  })

  it('after a message that was too large is opened again without the input that the server may not have', async () => {
    const all = begun()
    all.live.resize(90, 30)
    all.live.type('abc')
    all.wire().says(progress(1, 0))
    all.live.type('large')
    all.wire().says(event('started', 4))
    all.wire().onclose?.(TOO_LARGE)
    expect([all.seen.dropped, all.seen.refused]).toEqual([['large'], []])
    await vi.advanceTimersByTimeAsync(10_000)
    all.wire().onopen?.()
    all.live.type('small')
    all.wire().says(progress(2, 3, 2, 3))
    expect(all.wire().sent).toEqual([{ type: 'attach', run: 'r', after: 4 }, { type: 'stdin', run: 'r', seq: 3, text: 'small' }])
    all.wire().says(event('verdict', 5))
    expect([all.seen.events.map(([name]) => name), all.live.unread]).toEqual([['started', 'verdict'], 0])
  })

  it('after a message that was too large without any input is opened a bounded number of times, and then only on request', async () => {
    const all = begun()
    for (let n = 0; n < 2; n += 1) {
      all.wire().onclose?.(TOO_LARGE)
      await vi.advanceTimersByTimeAsync(600_000)
      if (n === 0) all.wire().onopen?.()
    }
    expect([all.wires.length, all.seen.links.at(-1), all.seen.dropped, all.seen.refused]).toEqual([2, 'given-up', [], []])
    all.live.reconnect()
    all.wire().onopen?.()
    expect(all.wire().sent).toEqual([{ type: 'attach', run: 'r', after: 0 }])
  })

  it('ends the run in this page if the session has ended', async () => {
    const all = setUp({ mayReconnect: false })
    all.live.start({}, 'key')
    all.wire().onclose?.(LOST)
    await vi.advanceTimersByTimeAsync(60_000)
    expect([all.wires.length, all.seen.links.at(-1)]).toEqual([1, 'idle'])
  })

  it('does not lose a kill', async () => {
    const all = begun()
    all.wire().onclose?.(LOST)
    all.live.kill()
    await vi.advanceTimersByTimeAsync(1_000)
    all.wire().onopen?.()
    expect(all.wire().sent[0]).toEqual({ type: 'kill', run: 'r' })
  })

  it('without a run is not replaced', async () => {
    const all = begun()
    all.wire().says(event('verdict', 9))
    all.wire().onclose?.(LOST)
    await vi.advanceTimersByTimeAsync(60_000)
    expect(all.wires.length).toBe(1)
  })
})

it('an output event is decoded to the program\'s bytes', () => {
  expect([...bytesOf({ seq: 1, text: 'é' })]).toEqual([0xc3, 0xa9])
  expect([...bytesOf({ seq: 1, base64: '/wA=' })]).toEqual([0xff, 0])
})

describe('a run that the server cannot follow now', () => {
  const refused = (status: number, code: string) => ({ type: 'error', run: 'r', error: { status, code }, retry_after: 2 })

  it.each([[429, 'rate-limited'], [503, 'unavailable']])('is followed after the pause (%i)', async (status, code) => {
    const all = setUp()
    all.live.attach('r')
    all.wire().onopen?.()
    all.wire().says(refused(status, code))
    await vi.advanceTimersByTimeAsync(1_900)
    expect(all.wire().sent.length).toBe(1)
    await vi.advanceTimersByTimeAsync(200)
    expect(all.wire().sent).toEqual([{ type: 'attach', run: 'r', after: 0 }, { type: 'attach', run: 'r', after: 0 }])
    expect([all.wires.length, all.seen.refused]).toEqual([1, []])
  })

  it('is followed after the pause also if the server fails after its answer, and input waits until then', async () => {
    const all = begun()
    await lose(all)
    all.wire().says({ type: 'attached', run: 'r' })
    all.wire().says(refused(503, 'unavailable'))
    expect(all.seen.links.at(-1)).toBe('reconnecting')
    all.live.type('a')
    await vi.advanceTimersByTimeAsync(2_000)
    all.wire().says({ type: 'attached', run: 'r' })
    all.wire().says(progress(0, 0))
    expect(all.wire().sent.map(({ type }) => type)).toEqual(['attach', 'attach', 'stdin'])
  })

  it('reconnects as often as any other if the server has refused its input for long', async () => {
    const all = begun()
    for (let n = 0; n <= RETRIES_MAX; n += 1) {
      all.live.type('a')
      all.wire().says(refused(429, 'rate-limited'))
      await vi.advanceTimersByTimeAsync(10_000)
    }
    const wires = all.wires.length
    await lose(all)
    expect([all.wires.length, all.seen.links.includes('given-up')]).toEqual([wires + 1, false])
  })

  it('is given up after a bounded number of attempts, and followed again on request', async () => {
    const all = setUp()
    all.live.attach('r')
    all.wire().onopen?.()
    for (let n = 0; n <= RETRIES_MAX; n += 1) {
      all.wire().says(refused(503, 'unavailable'))
      await vi.advanceTimersByTimeAsync(10_000)
    }
    expect([all.wire().sent.length, all.seen.links.at(-1), all.seen.refused]).toEqual([RETRIES_MAX + 1, 'given-up', []])
    all.live.reconnect()
    all.wire().onopen?.()
    expect(all.wire().sent).toEqual([{ type: 'attach', run: 'r', after: 0 }])
  })

  it('is not followed again on a connection that was lost meanwhile', async () => {
    const all = setUp()
    all.live.attach('r')
    all.wire().onopen?.()
    all.wire().says(refused(503, 'unavailable'))
    await lose(all)
    await vi.advanceTimersByTimeAsync(10_000)
    expect(all.wires.map(({ sent }) => sent.length)).toEqual([1, 1])
  })

  it('is killed after the pause if its end was refused', async () => {
    const all = begun()
    all.live.kill()
    all.wire().says(refused(503, 'unavailable'))
    await vi.advanceTimersByTimeAsync(2_000)
    expect(all.wire().sent.filter(({ type }) => type === 'kill').length).toBe(2)
  })
})

describe('a run of an earlier page', () => {
  it('is followed from its first event, and new input follows the server\'s last input', () => {
    const all = setUp()
    all.live.attach('r')
    all.live.resize(90, 30)
    all.wire().onopen?.()
    expect(all.wire().sent).toEqual([{ type: 'attach', run: 'r', after: 0 }])
    all.wire().says({ type: 'attached', run: 'r' })
    all.wire().says(event('started', 1))
    all.wire().says(progress(4, 10, 3, 7))
    all.live.type('x')
    expect(all.wire().inputs()).toEqual([[5, 'resize'], [6, 'x']])
    expect(all.live.unread).toBe(4)
    all.wire().says(progress(6, 11))
    expect(all.live.unread).toBe(0)
    expect(all.seen.events.map(([name]) => name)).toEqual(['started'])
  })

  it('keeps its numbers after a lost connection', async () => {
    const all = setUp()
    all.live.attach('r')
    all.wire().onopen?.()
    all.wire().says(event('started', 5))
    all.wire().says(progress(4, 10, 4, 10))
    all.live.type('a')
    await lose(all)
    all.wire().says(progress(4, 10, 4, 10))
    expect(all.wire().sent).toEqual([{ type: 'attach', run: 'r', after: 5 }, { type: 'stdin', run: 'r', seq: 5, text: 'a' }])
  })
})
