// Keyboard shortcuts of a single character. They do nothing while the user types. The user can turn them off, and choose other characters.
import { storedChoice, useChoice } from '../hooks/useChoice'
import { chosen } from './storage'

/** The actions of these shortcuts. */
export const ACTIONS = ['search', 'filters', 'next', 'previous', 'editor', 'help'] as const
export type Action = (typeof ACTIONS)[number]

/** The usual characters, in the order of `ACTIONS`. */
export const USUAL = '/fjke?'

/** Under this key, the characters that the user has chosen are stored, like `USUAL`. */
export const CHARACTERS = 'cupel.keys'

/** The characters, one for each action. Malformed ones are ignored. */
export function charactersOf(stored: string | null): string[] {
  const found = [...new Set(stored?.match(/[^\s\p{C}]/gu))]
  return found.length === ACTIONS.length ? found : [...USUAL]
}

/** Whether these shortcuts are off. */
export const areOff = () => storedChoice(SINGLE_KEY, SINGLE) === 'off'

/** The action of a key, unless the user is typing or has turned these shortcuts off. */
export const actionOf = (event: KeyboardEvent): Action | undefined => (areOff() || isTyping(event) ? undefined : ACTIONS[charactersOf(chosen(CHARACTERS)).indexOf(event.key)])

const SINGLE_KEY = 'cupel.single-keys'
const SINGLE = ['on', 'off'] as const

/** Whether single characters are shortcuts. Speech input and tremor can trigger them by mistake. Source: WCAG 2.2, 2.1.4. */
export const useSingleKeys = () => useChoice(SINGLE_KEY, SINGLE)

function isTyping(event: KeyboardEvent): boolean {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return true
  const target = event.composedPath()[0]
  // A letter or digit chooses an option of a `select`; `/` does not.
  return (
    target instanceof HTMLElement &&
    (target.isContentEditable || ['INPUT', 'TEXTAREA', /[\p{L}\p{N}]/u.test(event.key) && 'SELECT'].includes(target.tagName) || target.closest('[role=dialog]') !== null)
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
