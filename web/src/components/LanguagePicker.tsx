// The picker for the language of the code. Its list is loaded when the pointer or the focus reaches the button.
import { ChevronDown } from 'lucide-react'
import { lazy, Suspense, useEffect, useRef, useState } from 'react'
import type { Schema } from '../api/client'
import { useMessages } from '../i18n/messages'
import { PICKER_BUTTON } from '../ui/picker'
import { languageName } from '../util/language'
import { rememberLanguage } from '../util/recent-languages'

const load = () => import('./LanguageList')
const LanguageList = lazy(async () => ({ default: (await load()).LanguageList }))

/** Whether the user has just chosen a language. The page is then remounted, and the new picker takes the focus. */
let wasChosen = false

interface LanguagePickerProps {
  languages: Schema['LanguageView'][]
  /** Id of the chosen language. */
  value: string
  onChange: (id: string) => void
  className?: string
}

export function LanguagePicker({ languages, value, onChange, className = '' }: LanguagePickerProps) {
  const m = useMessages()
  const [use, setUse] = useState<'unused' | 'open' | 'closed'>('unused')
  const current = languages.find((one) => one.language_id === value)
  const trigger = useRef<HTMLButtonElement>(null)
  useEffect(() => {
    if (wasChosen) trigger.current?.focus()
    wasChosen = false
  }, [value])
  const button = (
    <button
      ref={trigger}
      type="button"
      role="combobox"
      aria-label={m.editor.language}
      aria-haspopup="dialog"
      aria-expanded={false}
      onPointerEnter={() => void load()}
      onFocus={() => void load()}
      onClick={() => setUse('open')}
      onKeyDown={(event) => {
        if (event.key !== 'ArrowDown' && event.key !== 'ArrowUp') return
        event.preventDefault()
        setUse('open')
      }}
      className={`${PICKER_BUTTON} ${className}`}
    >
      <span className="truncate">{current === undefined ? '' : languageName(current)}</span>
      <ChevronDown aria-hidden size={14} className="shrink-0 text-muted" />
    </button>
  )
  if (use === 'unused') return button
  return (
    <Suspense fallback={button}>
      <LanguageList
        languages={languages}
        value={value}
        isOpen={use === 'open'}
        onOpen={(isOpen) => setUse(isOpen ? 'open' : 'closed')}
        onChange={(id) => {
          rememberLanguage(id)
          setUse('unused')
          wasChosen = id !== value
          onChange(id)
        }}
        className={className}
      />
    </Suspense>
  )
}
