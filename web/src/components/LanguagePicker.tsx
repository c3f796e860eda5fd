// The picker for the language of the code. Its list is loaded when the pointer or the focus reaches the button.
import { ChevronDown } from 'lucide-react'
import { useEffect, useRef } from 'react'
import type { Schema } from '../api/client'
import { usePopup } from '../hooks/usePopup'
import { useMessages } from '../i18n/messages'
import { collectKeys } from '../ui/early-keys'
import { PICKER_BUTTON } from '../ui/picker'
import { languageName } from '../util/language'
import type { Accepted } from '../util/language-choice'
import { rememberLanguage } from '../util/recent-languages'
import { lazyPart } from './LazyPart'

const load = () => import('./LanguageList')
const LanguageList = lazyPart(async () => (await load()).LanguageList)

/** Whether the user has just chosen a language. The page is then remounted, and the new picker takes the focus. */
let wasChosen = false

interface LanguagePickerProps {
  languages: Schema['LanguageView'][]
  /** Id of the chosen language. */
  value: string
  onChange: (id: string) => void
  /** The languages that the problem accepts, if it does not accept all. */
  accepted?: Accepted
  className?: string
}

export function LanguagePicker({ languages, value, onChange, accepted, className = '' }: LanguagePickerProps) {
  const m = useMessages()
  const popup = usePopup(load)
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
      {...popup.button}
      onClick={() => {
        collectKeys()
        popup.open()
      }}
      className={`${PICKER_BUTTON} ${className}`}
    >
      <span className="truncate">{current === undefined ? '' : languageName(current)}</span>
      <ChevronDown aria-hidden size={14} className="shrink-0 text-muted" />
    </button>
  )
  if (!popup.isUsed) return button
  return (
    <LanguageList
      waiting={button}
      languages={languages}
      accepted={accepted}
      value={value}
      isOpen={popup.isOpen}
      onOpen={popup.setOpen}
      onChange={(id) => {
        rememberLanguage(id)
        // Nothing is remounted, and the list itself returns the focus.
        if (id === value) return popup.setOpen(false)
        popup.forget()
        wasChosen = true
        onChange(id)
      }}
      className={className}
    />
  )
}
