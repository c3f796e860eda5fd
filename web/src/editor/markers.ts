// Compiler messages in the editor: a symbol in the gutter, an underline, and the text on hover or with F8. Loaded with
// the first message.
//
// The package's own symbols are images in `data:` URLs, which the content security policy forbids. Here the symbols are
// text.
import { lintGutter, lintKeymap, setDiagnostics, type Diagnostic } from '@codemirror/lint'
import type { EditorState, Extension, TransactionSpec } from '@codemirror/state'
import { EditorView, keymap } from '@codemirror/view'
import type { Mark } from '../util/compiler'
import { visible } from '../util/visible'

const underline = (colour: string) => ({ backgroundImage: 'none', textDecoration: `underline wavy ${colour}`, textUnderlineOffset: '3px', paddingBottom: 0 })
const sign = (colour: string, text: string) => ({
  '&': { content: 'normal', width: '1em', textAlign: 'center', color: colour, fontWeight: 700 },
  '&::before': { content: `"${text}"` },
})
const signs = (severity: string, colour: string, text: string) => {
  const { '&': own, '&::before': before } = sign(colour, text)
  return { [`.cm-lint-marker-${severity}`]: own, [`.cm-lint-marker-${severity}::before`]: before }
}

const look = EditorView.theme({
  '.cm-lintRange-error': underline('var(--wrong)'),
  '.cm-lintRange-warning': underline('var(--limit)'),
  '.cm-lintRange-info': underline('var(--compile)'),
  '.cm-lintRange-active': { backgroundColor: 'var(--selection)' },
  ...signs('error', 'var(--wrong)', '×'),
  ...signs('warning', 'var(--limit)', '!'),
  ...signs('info', 'var(--compile)', 'i'),
  '.cm-diagnostic': { padding: '4px 8px', maxWidth: '60ch', whiteSpace: 'pre-wrap', fontFamily: 'inherit' },
  '.cm-diagnostic-error': { borderLeft: '3px solid var(--wrong)' },
  '.cm-diagnostic-warning': { borderLeft: '3px solid var(--limit)' },
  '.cm-diagnostic-info': { borderLeft: '3px solid var(--compile)' },
  '.cm-panel.cm-panel-lint ul [aria-selected]': { backgroundColor: 'var(--selection)', color: 'var(--text)' },
  '.cm-panel.cm-panel-lint button': { color: 'var(--text)' },
})

export const markers: Extension = [lintGutter(), keymap.of(lintKeymap), look]

const diagnosticOf = (state: EditorState, { line, column, severity, message }: Mark): Diagnostic => {
  const at = state.doc.line(Math.min(line, state.doc.lines))
  const from = Math.min(at.to, at.from + (column ?? 1) - 1)
  const rest = state.sliceDoc(from, at.to)
  // The word at the named column. Without a column, the line without its indentation.
  const word = column === undefined ? undefined : /^(?:\w+|\S)/.exec(rest)?.[0]
  const start = column === undefined ? from + (rest.length - rest.trimStart().length) : from
  return { from: start, to: word === undefined ? at.to : from + word.length, severity, message: visible(message) }
}

/** The transaction that replaces all marks by these marks. */
export const marked = (state: EditorState, marks: readonly Mark[]): TransactionSpec =>
  setDiagnostics(state, marks.map((mark) => diagnosticOf(state, mark)).sort((a, b) => a.from - b.from))
