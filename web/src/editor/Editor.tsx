// The code editor: CodeMirror in a shadow root.
//
// CodeMirror writes its styles into a `<style>` element, which the content security policy forbids; in a shadow root it
// uses constructed style sheets instead. The document is CodeMirror's: `value` replaces it only when
// `revision` changes. A `value` that lags behind fast typing must never undo it.
import { autocompletion, closeBrackets, closeBracketsKeymap, completionKeymap } from '@codemirror/autocomplete'
import { defaultKeymap, history, historyKeymap, indentWithTab } from '@codemirror/commands'
import { bracketMatching, indentOnInput, indentUnit } from '@codemirror/language'
import { highlightSelectionMatches, searchKeymap } from '@codemirror/search'
import { Compartment, EditorState } from '@codemirror/state'
import { drawSelection, EditorView, highlightActiveLine, highlightActiveLineGutter, highlightSpecialChars, keymap, lineNumbers } from '@codemirror/view'
import { useEffect, useImperativeHandle, useRef, type Ref } from 'react'
import { highlighting, indentation } from './languages'
import { theme } from './theme'

export interface EditorHandle {
  /** Moves the cursor to a one-based line. */
  goTo: (line: number) => void
  insert: (text: string) => void
}

interface EditorProps {
  value: string
  /** Counts the changes of `value` that the editor has not made itself. */
  revision: number
  language: string
  label: string
  isReadOnly?: boolean
  onChange: (text: string) => void
  onRun: () => void
  onSubmit: () => void
  ref?: Ref<EditorHandle>
}

export function Editor({ value, revision, language, label, isReadOnly = false, onChange, onRun, onSubmit, ref }: EditorProps) {
  const host = useRef<HTMLDivElement>(null)
  const view = useRef<EditorView>(null)
  const dialect = useRef(new Compartment())
  // What the keys and changes do now; the editor itself is created once.
  const act = useRef({ onChange, onRun, onSubmit })
  useEffect(() => {
    act.current = { onChange, onRun, onSubmit }
  })

  useEffect(() => {
    if (host.current === null) return
    const root = host.current.shadowRoot ?? host.current.attachShadow({ mode: 'open' })
    const shortcut = (run: () => void) => ({ preventDefault: true, run: () => (run(), true) })
    const made = new EditorView({
      root,
      parent: root,
      state: EditorState.create({
        doc: value,
        extensions: [
          keymap.of([
            { key: 'Mod-Enter', ...shortcut(() => act.current.onSubmit()) },
            { key: "Mod-'", ...shortcut(() => act.current.onRun()) },
          ]),
          lineNumbers(),
          highlightActiveLineGutter(),
          highlightSpecialChars(),
          history(),
          drawSelection(),
          EditorState.allowMultipleSelections.of(true),
          indentOnInput(),
          bracketMatching(),
          closeBrackets(),
          autocompletion({ activateOnTyping: false }),
          highlightActiveLine(),
          highlightSelectionMatches(),
          keymap.of([...closeBracketsKeymap, ...defaultKeymap, ...searchKeymap, ...historyKeymap, ...completionKeymap, indentWithTab]),
          dialect.current.of([]),
          EditorState.readOnly.of(isReadOnly),
          EditorView.contentAttributes.of({ 'aria-label': label, tabindex: '0', spellcheck: 'false', autocapitalize: 'off', autocorrect: 'off' }),
          EditorView.updateListener.of((update) => {
            if (update.docChanged) act.current.onChange(update.state.doc.toString())
          }),
          theme,
        ],
      }),
    })
    view.current = made
    return () => {
      made.destroy()
      view.current = null
    }
    // The value and the label of the first render; the effects below keep the editor in step.
  }, [])

  useEffect(() => {
    const current = view.current
    if (current === null || current.state.doc.toString() === value) return
    current.dispatch({ changes: { from: 0, to: current.state.doc.length, insert: value } })
    // Only what was changed elsewhere: the value also changes with every key.
  }, [revision])

  useEffect(() => {
    let isCurrent = true
    const unit = indentUnit.of(indentation(language))
    view.current?.dispatch({ effects: dialect.current.reconfigure(unit) })
    void highlighting(language)?.then((support) => {
      if (isCurrent) view.current?.dispatch({ effects: dialect.current.reconfigure([unit, support]) })
    })
    return () => {
      isCurrent = false
    }
  }, [language])

  useImperativeHandle(ref, () => ({
    goTo: (line) => {
      const current = view.current
      if (current === null) return
      const { from } = current.state.doc.line(Math.min(Math.max(1, line), current.state.doc.lines))
      current.dispatch({ selection: { anchor: from }, effects: EditorView.scrollIntoView(from, { y: 'center' }) })
      current.focus()
    },
    insert: (text) => {
      const current = view.current
      if (current === null) return
      current.dispatch(current.state.replaceSelection(text))
      current.focus()
    },
  }))

  return <div ref={host} data-editor className="h-full min-h-0 overflow-hidden" />
}
