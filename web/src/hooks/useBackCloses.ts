// While a dialog is open, the browser's button Back closes the dialog and does not leave the page. If several dialogs are open, it closes
// the topmost one.
//
// Each open dialog is an entry in the browser's history. The entry has the state of the page's own entry and the number of open dialogs
// (`MARK`). The router does not learn of these entries, so that it neither renders nor scrolls the page again.
import { useRouter, type RouterHistory } from '@tanstack/react-router'
import { useEffect, useRef } from 'react'

interface Dialog {
  /** Number of the dialog's entry above the entry of the page; 0 while another dialog's entry is being left. */
  depth: number
  close: () => void
}

const MARK = 'cupelDialog'

/** The open dialogs, the topmost last. */
const dialogs: Dialog[] = []
/** Entries of dialogs that were closed by other means than Back. They are left in the next microtask, unless a new dialog takes them over. */
const closed = new Set<number>()
/** The entry that is being left. */
let leaving: number | undefined
/** The history as the router knows it. */
let known: RouterHistory | undefined
/** What happens when the topmost dialog has been left. */
let afterwards: (() => void) | undefined

const stateNow = () => (history.state ?? {}) as Record<string, unknown>
const depthNow = (): number => {
  const depth = stateNow()[MARK]
  return typeof depth === 'number' ? depth : 0
}
/** Whether the present entry is the page that the router shows, or a dialog of it. */
const isHere = () => known !== undefined && known.location.state.__TSR_key === stateNow()['__TSR_key']
/** The traversal ends asynchronously. If the page has changed meanwhile, it is void. */
const isLeaving = () => leaving !== undefined && leaving === depthNow()

function enter(dialog: Dialog): void {
  const depth = depthNow()
  if (closed.delete(depth)) {
    dialog.depth = depth
    return
  }
  if (isLeaving()) return
  dialog.depth = depth + 1
  // The router replaces the method of `history` itself.
  History.prototype.pushState.call(history, { ...stateNow(), [MARK]: dialog.depth }, '')
}

function leave(): void {
  const depth = depthNow()
  let count = 0
  while (closed.has(depth - count)) count += 1
  closed.clear()
  if (count === 0) return
  leaving = depth
  history.go(-count)
}

function popped(event: PopStateEvent): void {
  leaving = undefined
  const stays = isHere()
  if (stays) event.stopImmediatePropagation()
  const depth = stays ? depthNow() : -1
  while ((dialogs.at(-1)?.depth ?? -1) > depth) dialogs.pop()?.close()
  for (const dialog of dialogs) if (dialog.depth === 0) enter(dialog)
  afterwards?.()
  afterwards = undefined
}

// Before the router's listener, which is not in the capture phase.
if (typeof window !== 'undefined') addEventListener('popstate', popped, { capture: true })

/** Returns a function that closes the dialog as Back does, and then acts. Use it before a navigation. */
export function useBackCloses(isOpen: boolean, close: () => void): (act: () => void) => void {
  const { history: routers } = useRouter()
  const latest = useRef(close)
  useEffect(() => {
    latest.current = close
  })
  const own = useRef<Dialog>(undefined)
  useEffect(() => {
    if (!isOpen) return
    known = routers
    const dialog: Dialog = { depth: 0, close: () => latest.current() }
    own.current = dialog
    dialogs.push(dialog)
    enter(dialog)
    return () => {
      const at = dialogs.indexOf(dialog)
      if (at < 0) return
      dialogs.splice(at, 1)
      if (dialog.depth === 0) return
      closed.add(dialog.depth)
      queueMicrotask(leave)
    }
  }, [isOpen, routers])
  return (act) => {
    if (own.current !== undefined && dialogs.at(-1) === own.current && own.current.depth === depthNow()) {
      afterwards = act
      history.back()
    } else {
      close()
      act()
    }
  }
}
