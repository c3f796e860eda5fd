// Keyboard shortcuts of a single character. They do nothing while the user types, and the user can turn them off.
import { storedChoice, useChoice } from '../hooks/useChoice'

const SINGLE_KEY = 'cupel.single-keys'
const SINGLE = ['on', 'off'] as const

/** Whether single characters are shortcuts. Speech input and tremor can trigger them by mistake. Source: WCAG 2.2, 2.1.4. */
export const useSingleKeys = () => useChoice(SINGLE_KEY, SINGLE)

/** Whether a key is not a shortcut, because the user is typing or has turned single-key shortcuts off. */
export const isNoShortcut = (event: KeyboardEvent): boolean => storedChoice(SINGLE_KEY, SINGLE) === 'off' || isTyping(event)

function isTyping(event: KeyboardEvent): boolean {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return true
  const target = event.composedPath()[0]
  // A letter chooses an option of a `select`; `/` does not.
  return (
    target instanceof HTMLElement &&
    (target.isContentEditable || ['INPUT', 'TEXTAREA', event.key !== '/' && 'SELECT'].includes(target.tagName) || target.closest('[role=dialog]') !== null)
  )
}

/** Whether a key with Ctrl or Cmd is not for the page: it is held down, or it is pressed in an open dialog. */
export const isElsewhere = ({ repeat, target }: KeyboardEvent): boolean => repeat || (target instanceof Element && target.closest('[role=dialog]') !== null)

const isMac = typeof navigator !== 'undefined' && /^Mac|^iP/.test(navigator.platform)

/** The keys that open the command palette. */
export const PALETTE_KEYS = isMac ? ['⌘', 'K'] : ['Ctrl', 'K']

/** Elements that handle Ctrl-K themselves: a terminal, where it belongs to the program, and an editor with the keys of Emacs. */
const OWN_KEYS = ['xterm', 'cm-emacsMode']

/** Whether the event opens the command palette. */
export function opensPalette(event: KeyboardEvent): boolean {
  if (event.key.toLowerCase() !== 'k' || event.altKey || event.shiftKey || !(isMac ? event.metaKey : event.ctrlKey)) return false
  return !event.composedPath().some((part) => part instanceof Element && OWN_KEYS.some((name) => part.classList.contains(name)))
}
