// Search and replace in the editor, loaded at its first use.
import { findNext, gotoLine, highlightSelectionMatches, openSearchPanel, searchKeymap, selectNextOccurrence, selectSelectionMatches } from '@codemirror/search'
import { keymap, type Command } from '@codemirror/view'

export { searchTexts } from '../i18n/search'

export const search = [highlightSelectionMatches(), keymap.of(searchKeymap)]

/** The commands of the keys that load this file. */
export const firstUse: Record<string, Command> = {
  'Mod-f': openSearchPanel,
  F3: findNext,
  'Mod-g': findNext,
  'Mod-d': selectNextOccurrence,
  'Mod-Shift-l': selectSelectionMatches,
  'Mod-Alt-g': gotoLine,
}
