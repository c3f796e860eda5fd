import { describe, expect, it } from 'vitest'
import { Feed, PENDING_BYTES_MAX, WRITE_BYTES_MAX } from './feed'

function terminal() {
  const written: Uint8Array[] = []
  const ready: (() => void)[] = []
  let skipped = 0
  const feed = new Feed(
    (bytes, done) => {
      written.push(bytes)
      ready.push(done)
    },
    (bytes) => (skipped += bytes),
  )
  const drain = () => {
    for (let done = ready.shift(); done !== undefined; done = ready.shift()) done()
  }
  return { feed, written, drain, skipped: () => skipped }
}

describe('the feed of a terminal', () => {
  it('writes everything in order, one bounded part at a time', () => {
    const { feed, written, drain, skipped } = terminal()
    const bytes = Uint8Array.from({ length: 3 * WRITE_BYTES_MAX + 5 }, (_, at) => at % 251)
    feed.push(bytes)
    feed.push(Uint8Array.of(7))
    expect(written.length).toBe(1)
    drain()
    expect(Math.max(...written.map((part) => part.length))).toBe(WRITE_BYTES_MAX)
    expect(written.flatMap((part) => [...part])).toEqual([...bytes, 7])
    expect(skipped()).toBe(0)
  })

  it('drops and counts the oldest output if the terminal is too slow', () => {
    const { feed, written, drain, skipped } = terminal()
    const total = 50 * 1024 * 1024
    for (let at = 0; at < total; at += WRITE_BYTES_MAX) feed.push(new Uint8Array(WRITE_BYTES_MAX).fill(1))
    feed.push(Uint8Array.of(2))
    drain()
    const bytes = written.reduce((sum, part) => sum + part.length, 0)
    expect(bytes).toBeLessThanOrEqual(PENDING_BYTES_MAX + WRITE_BYTES_MAX + 2)
    expect(skipped()).toBeGreaterThan(total - PENDING_BYTES_MAX - 2 * WRITE_BYTES_MAX - 2)
    // An escape sequence without its beginning would be shown as text.
    expect([written[1]?.[0], written.at(-1)?.[0]]).toEqual([0x18, 2])
  })
})
