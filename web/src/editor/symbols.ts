// The row of keys and symbols above the bar, on touch screens.

/** Keys of the editor that the keyboards of phones do not have, in the order of the row, and what their buttons show. */
export const EDITOR_PRESSES = { tab: 'Tab', undo: '↶', redo: '↷', left: '←', right: '→', up: '↑', down: '↓' } as const
export type EditorPress = keyof typeof EDITOR_PRESSES

/** Characters that are hard to reach on the keyboards of phones. Brackets are inserted in pairs, as when they are typed. */
const SYMBOLS = ['{', '}', '(', ')', '[', ']', ';', ':', '=', '<', '>', '"', "'", '_', '+', '-', '*', '/', '%', '&', '|', '!', '#', '\\', '^', '~', '@', '$']

/** Symbols that come first in a language. The others follow in the usual order. */
const FIRST: Record<string, readonly string[]> = {
  python: ['(', ')', '[', ']', ':', '=', '"', "'", '_', '+', '-', '*', '/', '%', '<', '>', '#', '{', '}'],
  haskell: ['(', ')', '[', ']', ':', '=', '-', '>', '<', '|', '$', '_'],
  lisp: ['(', ')', "'", '"', '-', '*', '+'],
  scheme: ['(', ')', "'", '"', '-', '*', '+'],
  bash: ['$', '"', "'", '{', '}', '[', ']', '(', ')', '|', ';', '=', '-', '&', '<', '>', '/'],
}

export function symbolsOf(language: string): string[] {
  const first = FIRST[language] ?? []
  return [...first, ...SYMBOLS.filter((symbol) => !first.includes(symbol))]
}
