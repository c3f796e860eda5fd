// The row of keys and symbols above the bar, on touch screens.
import type { RefObject } from 'react'
import type { EditorHandle } from '../editor/Editor'
import { EDITOR_PRESSES, symbolsOf, type EditorPress } from '../editor/symbols'
import { editing } from '../i18n/editing'
import { useMessages, useTexts } from '../i18n/messages'

export function SymbolRow({ editor, language }: { editor: RefObject<EditorHandle | null>; language: string }) {
  const m = useMessages()
  const { presses } = useTexts(editing)
  const key = (text: string, label: string | undefined, press: () => void) => (
    // The focus, and with it the on-screen keyboard, stays with the editor.
    <button key={text} type="button" aria-label={label} onPointerDown={(event) => event.preventDefault()} onClick={press} className={`shrink-0 min-w-11 h-11 low:h-10 font-mono active:bg-border ${text.length > 1 ? 'px-2' : 'text-lg'}`}>
      {text}
    </button>
  )
  return (
    <div role="group" aria-label={m.editor.symbols} className="hidden pointer-coarse:flex shrink-0 scroll-x border-t border-border bg-raised">
      {(Object.entries(EDITOR_PRESSES) as [EditorPress, string][]).map(([press, text]) => key(text, presses[press], () => editor.current?.press(press)))}
      {symbolsOf(language).map((symbol) => key(symbol, undefined, () => editor.current?.insert(symbol)))}
    </div>
  )
}
