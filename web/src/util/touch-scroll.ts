// A finger's drag in units of lines, for content that the browser cannot scroll itself. After a flick, it goes on and becomes slower.
//
// Positions are in lines, downwards, and times in milliseconds.

/** Part of the speed that is left after a millisecond. Browsers slow down at about this rate. */
const KEPT_PER_MS = 0.997
/** Below this speed (lines per millisecond), a flick has ended. */
const SPEED_MIN = 0.004
/** Only the last part of a drag decides how fast its flick is. */
const RECENT_MS = 80

export class Drag {
  private moves: { at: number; position: number }[]
  /** The part of a line that is not scrolled yet. */
  private rest = 0

  constructor(position: number, at: number) {
    this.moves = [{ at, position }]
  }

  /** The lines to scroll; positive towards the end. The content follows the finger. */
  move(position: number, at: number): number {
    const lines = this.taken((this.moves.at(-1)?.position ?? position) - position)
    this.moves = [...this.moves.filter((one) => at - one.at <= RECENT_MS), { at, position }]
    return lines
  }

  /** The speed when the finger is lifted; 0 if it rested. */
  speed(at: number): number {
    const recent = this.moves.filter((one) => at - one.at <= RECENT_MS)
    const [first, last] = [recent[0], recent.at(-1)]
    return first === undefined || last === undefined || last.at <= first.at ? 0 : (first.position - last.position) / (last.at - first.at)
  }

  /** The next part of a flick: the lines to scroll, and the speed afterwards; 0 at the end. */
  glide(speed: number, elapsed: number): { lines: number; speed: number } {
    const slower = speed * KEPT_PER_MS ** elapsed
    return { lines: this.taken(speed * elapsed), speed: Math.abs(slower) < SPEED_MIN ? 0 : slower }
  }

  private taken(lines: number): number {
    this.rest += lines
    const whole = Math.trunc(this.rest)
    this.rest -= whole
    return whole
  }
}
