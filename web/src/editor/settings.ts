// How a person likes to edit, kept in this browser for all editors: the keys and the width of a tab.
import { useChoice } from '../hooks/useChoice'

export const EDITOR_KEYS = ['standard', 'vim', 'emacs'] as const
export type EditorKeys = (typeof EDITOR_KEYS)[number]

/** Columns of a tab; `language`: what the style guide of the language asks for. */
export const TAB_WIDTHS = ['language', '2', '4', '8'] as const
export type TabWidth = (typeof TAB_WIDTHS)[number]

export const useEditorKeys = () => useChoice('cupel.editor-keys', EDITOR_KEYS)
export const useTabWidth = () => useChoice('cupel.editor-tab', TAB_WIDTHS)
