// The row of keys and symbols above the bar, on touch screens.

/** Keys of the editor that the keyboards of phones do not have, in the order of the row, and what their buttons show. */
export const EDITOR_PRESSES = { tab: 'Tab', undo: '↶', left: '←', right: '→', up: '↑', down: '↓' } as const
export type EditorPress = keyof typeof EDITOR_PRESSES

/** Characters that are hard to reach on the keyboards of phones. */
export const SYMBOLS = ['{', '}', '(', ')', '[', ']', ';', ':', '=', '<', '>', '"', "'", '_', '+', '-', '*', '/', '%', '&', '|', '!', '#', '\\', '^', '~', '@', '$']
