// Queue of output for the terminal. It writes one part at a time, so that the page stays responsive when a program
// prints very much. If the terminal is too slow, the oldest output is dropped and counted.

/** Maximum bytes per write. */
export const WRITE_BYTES_MAX = 32 * 1024
/** Maximum bytes that wait for the terminal. */
export const PENDING_BYTES_MAX = 2 * 1024 * 1024

/** CAN: ends an escape sequence whose rest was dropped. Source: ECMA-48, section 8.3.6. */
const CANCEL = Uint8Array.of(0x18)

export class Feed {
  private pending: Uint8Array[] = []
  private bytes = 0
  private isWriting = false

  constructor(
    /** Writes a part, and calls `done` when the terminal is ready for the next part. */
    private readonly write: (bytes: Uint8Array, done: () => void) => void,
    private readonly onSkip: (bytes: number) => void,
  ) {}

  push(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; at += WRITE_BYTES_MAX) {
      const part = bytes.subarray(at, at + WRITE_BYTES_MAX)
      this.pending.push(part)
      this.bytes += part.length
    }
    let skipped = 0
    while (this.bytes > PENDING_BYTES_MAX) {
      const oldest = this.pending.shift()
      if (oldest === undefined) break
      this.bytes -= oldest.length
      skipped += oldest.length
    }
    if (skipped > 0) {
      this.pending.unshift(CANCEL)
      this.bytes += CANCEL.length
      this.onSkip(skipped)
    }
    this.next()
  }

  clear(): void {
    this.pending = []
    this.bytes = 0
  }

  private next(): void {
    if (this.isWriting) return
    const part = this.pending.shift()
    if (part === undefined) return
    this.bytes -= part.length
    this.isWriting = true
    this.write(part, () => {
      this.isWriting = false
      this.next()
    })
  }
}
