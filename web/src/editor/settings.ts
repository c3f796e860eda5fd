// Settings of all editors: the key bindings and the tab width. They are stored in this browser.
import { useChoice } from '../hooks/useChoice'
import { useStoredNumber } from '../hooks/useStoredNumber'
import { useMedia } from '../hooks/useMedia'

export const EDITOR_KEYS = ['standard', 'vim', 'emacs'] as const
export type EditorKeys = (typeof EDITOR_KEYS)[number]

/** Columns per tab. `language` is the width that the language's style guide recommends. */
export const TAB_WIDTHS = ['language', '2', '4', '8'] as const
export type TabWidth = (typeof TAB_WIDTHS)[number]

export const useEditorKeys = () => useChoice('cupel.editor-keys', EDITOR_KEYS)
/** Size of the text in pixels. On touch screens, the editor has no smaller text than 16 px (theme.ts). */
export function useEditorSize(): [number, (size: number) => void] {
  const isTouch = useMedia('(pointer: coarse)')
  return useStoredNumber('cupel.editor-size', isTouch ? 16 : 14, isTouch ? 16 : 10, 24)
}

export const useTabWidth = () => useChoice('cupel.editor-tab', TAB_WIDTHS)

/** Whether long lines wrap. */
export const useLineWrapping = () => useChoice('cupel.editor-wrap', ['off', 'on'] as const)
