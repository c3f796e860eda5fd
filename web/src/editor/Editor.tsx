// The code editor: CodeMirror in a shadow root.
//
// CodeMirror writes its styles into a `<style>` element, which the content security policy forbids. In a shadow root,
// it uses constructed style sheets instead. CodeMirror owns the document: `value` replaces it only when `revision`
// changes. Otherwise, an outdated `value` could undo fast typing.
import { autocompletion, closeBrackets, closeBracketsKeymap, completionKeymap, insertBracket } from '@codemirror/autocomplete'
import { cursorCharLeft, cursorCharRight, cursorLineDown, cursorLineUp, defaultKeymap, historyKeymap, indentMore, indentWithTab, redo, undo } from '@codemirror/commands'
import { bracketMatching, indentOnInput, indentUnit } from '@codemirror/language'
import { Compartment, EditorState, Prec, type Extension } from '@codemirror/state'
import { drawSelection, EditorView, highlightActiveLine, highlightActiveLineGutter, gutter as sideGutter, highlightSpecialChars, keymap, lineNumbers, type Command } from '@codemirror/view'
import { useEffect, useImperativeHandle, useRef, useState, type Ref } from 'react'
import { useLanguage, type LanguageTag } from '../i18n/messages'
import type { Mark } from '../util/compiler'
import { orReport } from '../util/missing-script'
import { highlighting, indentation } from './languages'
import { overSelection } from './over-selection'
import type { EditorPress } from './symbols'
import { useEditorKeys, useLineWrapping, useTabWidth, type EditorKeys } from './settings'
import { theme } from './theme'
import { wordHistory } from './undo'

/** Key bindings of another editor, loaded when the user selects them. */
const KEYS: Record<EditorKeys, () => Promise<Extension>> = {
  standard: async () => [],
  vim: async () => (await import('@replit/codemirror-vim')).vim({ status: true }),
  emacs: async () => (await import('./emacs')).emacsKeys,
}

/** Keys that load the search extension. It is not loaded at first, because few people use it. */
const SEARCH_KEYS = ['Mod-f', 'F3', 'Mod-g', 'Mod-d', 'Mod-Shift-l', 'Mod-Alt-g']

let searchTexts: Partial<Record<LanguageTag, Record<string, string>>> = {}

async function loadSearch(view: EditorView, key: string, place: Compartment, onTexts: () => void): Promise<void> {
  const loaded = await orReport(import('./search'))
  if (loaded === undefined) return
  searchTexts = loaded.searchTexts
  onTexts()
  view.dispatch({ effects: place.reconfigure(loaded.search) })
  loaded.firstUse[key]?.(view)
}

/** What depends on the language of the site. */
const worded = ({ label, tag }: { label: string; tag: LanguageTag }): Extension => [
  EditorView.contentAttributes.of({ 'aria-label': label, tabindex: '0', spellcheck: 'false', autocapitalize: 'off', autocorrect: 'off' }),
  EditorState.phrases.of(searchTexts[tag] ?? {}),
]

const NO_MARKS: readonly Mark[] = []

const emptyGutter = sideGutter({ class: 'cm-gutter-lint' })

export interface EditorHandle {
  /** Moves the cursor to a one-based line. */
  goTo: (line: number) => void
  focus: () => void
  insert: (text: string) => void
  press: (key: EditorPress) => void
}

const PRESSES: Record<EditorPress, Command> = { tab: indentMore, undo, redo, left: cursorCharLeft, right: cursorCharRight, up: cursorLineUp, down: cursorLineDown }

/**
 * Scrolls back to the first column when the cursor has gone to another line and is within the first width of the window.
 * Otherwise, the window stays at the columns of a long line.
 */
const toFirstColumn = EditorView.updateListener.of(({ view, state, startState, docChanged, selectionSet }) => {
  const line = ({ doc, selection }: EditorState) => doc.lineAt(selection.main.head).number
  if ((!docChanged && !selectionSet) || view.scrollDOM.scrollLeft === 0 || line(state) === line(startState)) return
  view.requestMeasure({
    read: () => {
      // The text may have been replaced since the update.
      const cursor = view.coordsAtPos(view.state.selection.main.head)
      const first = view.contentDOM.getBoundingClientRect().left
      const gutters = view.scrollDOM.scrollWidth - view.contentDOM.offsetWidth
      return cursor !== null && cursor.left - first < view.scrollDOM.clientWidth - gutters - CURSOR_ROOM_PX
    },
    write: (fits) => {
      if (fits) view.scrollDOM.scrollLeft = 0
    },
  })
})

/** Space that stays free to the right of the cursor. */
const CURSOR_ROOM_PX = 24

const loadMarkers = () => import('./markers')

interface EditorProps {
  value: string
  /** Counts the changes of `value` that the editor has not made itself. */
  revision: number
  language: string
  label: string
  isReadOnly?: boolean
  /** The compiler's messages about this text. */
  marks?: readonly Mark[]
  onChange: (text: string) => void
  onRun: () => void
  onSubmit: () => void
  ref?: Ref<EditorHandle>
}

export function Editor({ value, revision, language, label, isReadOnly = false, marks = NO_MARKS, onChange, onRun, onSubmit, ref }: EditorProps) {
  const { tag } = useLanguage()
  const [keys] = useEditorKeys()
  const [tabWidth] = useTabWidth()
  const [wrapping] = useLineWrapping()
  const host = useRef<HTMLDivElement>(null)
  const view = useRef<EditorView>(null)
  const dialect = useRef(new Compartment())
  const keyMode = useRef(new Compartment())
  const searchMode = useRef(new Compartment())
  const gutter = useRef(new Compartment())
  const words = useRef(new Compartment())
  const hasMarkers = useRef(false)
  // The current text and handlers. The editor is created once, so it takes them from this reference.
  const act = useRef({ value, label, tag, onChange, onRun, onSubmit })
  useEffect(() => {
    act.current = { value, label, tag, onChange, onRun, onSubmit }
  })
  const word = () => view.current?.dispatch({ effects: words.current.reconfigure(worded(act.current)) })
  useEffect(word, [label, tag])

  const create = (box: HTMLDivElement) => {
    const root = box.shadowRoot ?? box.attachShadow({ mode: 'open' })
    const shortcut = (run: () => void) => ({ preventDefault: true, run: () => (run(), true) })
    return new EditorView({
      root,
      parent: root,
      state: EditorState.create({
        doc: act.current.value,
        extensions: [
          Prec.highest(
            keymap.of([
              { key: 'Mod-Enter', ...shortcut(() => act.current.onSubmit()) },
              { key: "Mod-'", ...shortcut(() => act.current.onRun()) },
            ]),
          ),
          // First, so that these key bindings take precedence.
          keyMode.current.of([]),
          // The symbols of messages have their room from the start, so that the code does not move when they appear.
          gutter.current.of(emptyGutter),
          lineNumbers(),
          highlightActiveLineGutter(),
          highlightSpecialChars(),
          wordHistory(),
          drawSelection(),
          EditorState.allowMultipleSelections.of(true),
          indentOnInput(),
          bracketMatching(),
          closeBrackets(),
          autocompletion({ activateOnTyping: false }),
          highlightActiveLine(),
          searchMode.current.of(keymap.of(SEARCH_KEYS.map((key) => ({ key, preventDefault: true, run: (target) => (void loadSearch(target, key, searchMode.current, word), true) })))),
          keymap.of([...closeBracketsKeymap, ...defaultKeymap, ...historyKeymap, ...completionKeymap, indentWithTab]),
          dialect.current.of([]),
          EditorState.readOnly.of(isReadOnly),
          words.current.of(worded(act.current)),
          EditorView.updateListener.of((update) => {
            if (update.docChanged) act.current.onChange(update.state.doc.toString())
          }),
          toFirstColumn,
          overSelection,
          theme,
        ],
      }),
    })
  }

  const [isCreated, setIsCreated] = useState(false)
  /** The last action that was requested before the editor was created. */
  const late = useRef<(view: EditorView) => void>(null)
  const whenCreated = (act: (view: EditorView) => void) => {
    if (view.current === null) late.current = act
    else act(view.current)
  }
  useEffect(() => {
    // In a separate task: together with the page's other effects, it would be a long task on a slow processor.
    const task = setTimeout(() => {
      if (host.current === null) return
      view.current = create(host.current)
      late.current?.(view.current)
      late.current = null
      hasMarkers.current = false
      setIsCreated(true)
    })
    return () => {
      clearTimeout(task)
      view.current?.destroy()
      view.current = null
      setIsCreated(false)
    }
    // The effects apply later changes of the text and of the label.
  }, [])

  useEffect(() => {
    const current = view.current
    if (current === null || current.state.doc.toString() === value) return
    current.dispatch({ changes: { from: 0, to: current.state.doc.length, insert: value } })
    // Depends on `revision` only, because `value` changes with every key press.
  }, [revision, isCreated])

  useEffect(() => {
    if (!isCreated) return
    let isCurrent = true
    const unit = [indentUnit.of(indentation(language, tabWidth)), EditorState.tabSize.of(tabWidth === 'language' ? 4 : Number(tabWidth)), wrapping === 'on' ? EditorView.lineWrapping : []]
    view.current?.dispatch({ effects: dialect.current.reconfigure(unit) })
    void highlighting(language)?.then((support) => {
      if (isCurrent) view.current?.dispatch({ effects: dialect.current.reconfigure([unit, support]) })
      // Without its script, the code has no colours.
    }, () => undefined)
    return () => {
      isCurrent = false
    }
  }, [language, tabWidth, wrapping, isCreated])

  useEffect(() => {
    if (!isCreated) return
    let isCurrent = true
    void orReport(KEYS[keys]()).then((mode) => {
      if (isCurrent && mode !== undefined) view.current?.dispatch({ effects: keyMode.current.reconfigure(mode) })
    })
    return () => {
      isCurrent = false
    }
  }, [keys, isCreated])

  useEffect(() => {
    if (!isCreated || (marks.length === 0 && !hasMarkers.current)) return
    let isCurrent = true
    const mark = async () => {
      // The messages below the editor have the lines, too.
      const loaded = await loadMarkers().catch(() => undefined)
      const current = view.current
      if (!isCurrent || current === null || loaded === undefined) return
      if (!hasMarkers.current) current.dispatch({ effects: gutter.current.reconfigure(loaded.markers) })
      hasMarkers.current = true
      current.dispatch(loaded.marked(current.state, marks))
    }
    void mark()
    return () => {
      isCurrent = false
    }
  }, [marks, isCreated])

  useImperativeHandle(ref, () => ({
    goTo: (line) =>
      whenCreated((current) => {
        const { from } = current.state.doc.line(Math.min(Math.max(1, line), current.state.doc.lines))
        current.dispatch({ selection: { anchor: from }, effects: EditorView.scrollIntoView(from, { y: 'center' }) })
        current.focus()
      }),
    focus: () => whenCreated((current) => current.focus()),
    insert: (text) => {
      const current = view.current
      if (current === null) return
      // As if it were typed: an opening bracket adds the closing one, and a closing bracket steps over the one that is there.
      const pair = insertBracket(current.state, text)
      if (pair !== null) current.dispatch(pair)
      else current.dispatch(current.state.replaceSelection(text), { scrollIntoView: true, userEvent: 'input.type' })
      current.focus()
    },
    press: (key) => {
      const current = view.current
      if (current === null || current.state.readOnly) return
      PRESSES[key](current)
      current.focus()
    },
  }))

  return <div ref={host} data-editor className="h-full min-h-0 overflow-hidden" />
}
