// The editor's colours. They use the page's CSS variables, which the shadow root inherits, so one theme works in light
// and dark mode.
import { HighlightStyle, syntaxHighlighting } from '@codemirror/language'
import { EditorView } from '@codemirror/view'
import { tags as t } from '@lezer/highlight'

const look = EditorView.theme({
  '&': { height: '100%', backgroundColor: 'var(--surface)', color: 'var(--text)', fontSize: 'var(--editor-size, 14px)' },
  // Safari on iOS enlarges the page when a field with smaller text gets the focus.
  '@media (pointer: coarse)': {
    '.cm-scroller': { fontSize: 'max(16px, var(--editor-size, 14px))' },
    '.cm-panels input': { fontSize: '16px' },
  },
  // The page's own rule does not reach into the shadow root. Without it, the caret blinks.
  '@media (prefers-reduced-motion: reduce)': { '*': { animation: 'none !important', transition: 'none !important' } },
  '&.cm-focused': { outline: 'none' },
  '.cm-scroller': { fontFamily: "'JetBrains Mono Variable', ui-monospace, 'DejaVu Sans Mono', monospace", fontVariantLigatures: 'none', lineHeight: '1.55' },
  '.cm-content': { caretColor: 'var(--accent-text)', padding: '8px 0' },
  '.cm-cursor': { borderLeftColor: 'var(--accent-text)', borderLeftWidth: '2px' },
  '.cm-gutters': { backgroundColor: 'var(--surface)', color: 'var(--muted)', border: 'none' },
  // The column of the symbols of messages (markers.ts).
  '.cm-gutter-lint': { width: '1.2em' },
  '.cm-activeLine': { backgroundColor: 'var(--raised)' },
  '.cm-activeLineGutter': { backgroundColor: 'var(--raised)', color: 'var(--text)' },
  '&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground': { backgroundColor: 'var(--selection)' },
  '.cm-matchingBracket': { backgroundColor: 'var(--selection)', outline: '1px solid var(--border-strong)' },
  '.cm-panels': { backgroundColor: 'var(--raised)', color: 'var(--text)' },
  // The package of the Vim key bindings has fixed colours.
  '& .cm-vim-panel, & .cm-vim-panel input': { backgroundColor: 'var(--raised)', color: 'var(--text)' },
  '& .cm-vim-message': { color: 'var(--wrong) !important' },
  '.cm-tooltip': { backgroundColor: 'var(--surface)', border: '1px solid var(--border)', color: 'var(--text)' },
  '.cm-tooltip-autocomplete > ul > li[aria-selected]': { backgroundColor: 'var(--selection)', color: 'var(--text)' },
})

const colours = HighlightStyle.define([
  { tag: [t.keyword, t.modifier, t.operatorKeyword, t.controlKeyword], color: 'var(--syntax-keyword)' },
  { tag: [t.string, t.special(t.string), t.character, t.regexp], color: 'var(--syntax-string)' },
  { tag: [t.number, t.bool, t.null, t.atom], color: 'var(--syntax-number)' },
  { tag: [t.function(t.variableName), t.function(t.propertyName), t.definition(t.function(t.variableName))], color: 'var(--syntax-function)' },
  { tag: [t.typeName, t.className, t.namespace, t.macroName, t.meta], color: 'var(--syntax-type)' },
  { tag: t.comment, color: 'var(--muted)', fontStyle: 'italic' },
  { tag: t.invalid, color: 'var(--wrong)' },
])

export const theme = [look, syntaxHighlighting(colours)]
