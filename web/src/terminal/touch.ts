// Scrolls the terminal with a finger. Version 6 of xterm.js has no touch handling (github.com/xtermjs/xterm.js/issues/5489).
//
// Where the terminal has nothing to scroll in the finger's direction, the browser scrolls the page. A program that uses the whole screen
// or the mouse gets the drag as turns of a mouse wheel, which xterm.js translates.
import type { Terminal } from '@xterm/xterm'
import { Drag } from '../util/touch-scroll'

export function scrollByTouch(xterm: Terminal, place: HTMLElement): () => void {
  let drag: Drag | undefined
  /** Whether the finger scrolls the terminal; `undefined` before its first move. */
  let isOurs: boolean | undefined
  let startY = 0
  let frame = 0
  const lineHeight = () => (xterm.element?.querySelector('.xterm-screen')?.clientHeight ?? 0) / xterm.rows || 1
  const takesWheel = () => xterm.buffer.active.type === 'alternate' || xterm.modes.mouseTrackingMode !== 'none'
  const canScroll = (down: boolean) => {
    const { viewportY, baseY } = xterm.buffer.active
    return takesWheel() || (down ? viewportY < baseY : viewportY > 0)
  }
  const scroll = (lines: number, { clientX, clientY }: { clientX: number; clientY: number }) => {
    if (lines === 0) return
    if (!takesWheel()) return xterm.scrollLines(lines)
    for (let turns = Math.abs(lines); turns > 0; turns -= 1) {
      const turn = new WheelEvent('wheel', { deltaY: Math.sign(lines), deltaMode: WheelEvent.DOM_DELTA_LINE, clientX, clientY, bubbles: true, cancelable: true })
      xterm.element?.querySelector('.xterm-screen')?.dispatchEvent(turn)
    }
  }
  const start = (event: TouchEvent) => {
    cancelAnimationFrame(frame)
    const [touch] = event.touches
    // The scrollbar handles its own drags. Two fingers zoom.
    const isElsewhere = event.touches.length !== 1 || (event.target instanceof Element && event.target.closest('.scrollbar') !== null)
    drag = isElsewhere || touch === undefined ? undefined : new Drag(touch.clientY / lineHeight(), event.timeStamp)
    startY = touch?.clientY ?? 0
    isOurs = undefined
  }
  const move = (event: TouchEvent) => {
    const [touch] = event.touches
    if (drag === undefined || touch === undefined) return
    if (isOurs === undefined) isOurs = event.cancelable && touch.clientY !== startY && canScroll(touch.clientY < startY)
    if (!isOurs) {
      drag = undefined
      return
    }
    event.preventDefault()
    scroll(drag.move(touch.clientY / lineHeight(), event.timeStamp), touch)
  }
  const end = (event: TouchEvent) => {
    const ended = drag
    const [touch] = event.changedTouches
    drag = undefined
    if (ended === undefined || touch === undefined || isOurs !== true || takesWheel()) return
    let speed = ended.speed(event.timeStamp)
    let before = event.timeStamp
    const glide = (now: number) => {
      const next = ended.glide(speed, Math.max(0, now - before))
      before = now
      speed = next.speed
      scroll(next.lines, touch)
      if (speed !== 0 && canScroll(speed > 0)) frame = requestAnimationFrame(glide)
    }
    if (speed !== 0) frame = requestAnimationFrame(glide)
  }
  const cancel = () => {
    drag = undefined
  }
  place.addEventListener('touchstart', start, { passive: true })
  // Not passive: otherwise the browser would also scroll the page.
  place.addEventListener('touchmove', move, { passive: false })
  place.addEventListener('touchend', end)
  place.addEventListener('touchcancel', cancel)
  return () => {
    cancelAnimationFrame(frame)
    place.removeEventListener('touchstart', start)
    place.removeEventListener('touchmove', move)
    place.removeEventListener('touchend', end)
    place.removeEventListener('touchcancel', cancel)
  }
}
