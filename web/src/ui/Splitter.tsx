// A bar between two panes. It can be dragged, or moved with the arrow keys. Source: ARIA Authoring Practices, "Window
// Splitter".
import { useRef, type KeyboardEvent, type PointerEvent } from 'react'

interface SplitterProps {
  label: string
  /** `vertical`: a vertical bar between a left and a right pane. */
  orientation: 'vertical' | 'horizontal'
  /** Share of the first pane, in percent. */
  value: number
  min: number
  max: number
  onChange: (value: number) => void
}

const STEP = 2

export function Splitter({ label, orientation, value, min, max, onChange }: SplitterProps) {
  const bar = useRef<HTMLDivElement>(null)
  const isVertical = orientation === 'vertical'
  const set = (next: number) => onChange(Math.min(max, Math.max(min, Math.round(next * 10) / 10)))
  const move = (event: PointerEvent) => {
    const around = bar.current?.parentElement?.getBoundingClientRect()
    if (around === undefined || !bar.current?.hasPointerCapture(event.pointerId)) return
    const share = isVertical ? (event.clientX - around.left) / around.width : (event.clientY - around.top) / around.height
    set(share * 100)
  }
  const key = (event: KeyboardEvent) => {
    const back = isVertical ? 'ArrowLeft' : 'ArrowUp'
    const forth = isVertical ? 'ArrowRight' : 'ArrowDown'
    const next = { [back]: value - STEP, [forth]: value + STEP, Home: min, End: max }[event.key]
    if (next === undefined) return
    event.preventDefault()
    set(next)
  }
  return (
    <div
      ref={bar}
      role="separator"
      tabIndex={0}
      aria-label={label}
      aria-orientation={orientation}
      aria-valuenow={Math.round(value)}
      aria-valuemin={min}
      aria-valuemax={max}
      onKeyDown={key}
      onPointerDown={(event) => event.currentTarget.setPointerCapture(event.pointerId)}
      onPointerMove={move}
      className={`shrink-0 bg-border hover:bg-accent focus-visible:bg-accent touch-none transition-colors ${isVertical ? 'w-1 cursor-col-resize' : 'h-1 cursor-row-resize'}`}
    />
  )
}
