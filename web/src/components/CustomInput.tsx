// The part "Custom input" of a problem: the input for own runs, and whether Run uses it.
import { customInputTexts } from '../i18n/custom-input'
import { useTexts } from '../i18n/messages'
import type { CustomInput as Input, KeptInput } from '../util/custom-input'

interface CustomInputProps {
  input: KeptInput
  isInteractive: boolean
  /** Whether the text gets the focus. */
  isFocused: boolean
  onChange: (input: Input) => void
}

export function CustomInput({ input: { text, isUsed, isStored }, isInteractive, isFocused, onChange }: CustomInputProps) {
  const t = useTexts(customInputTexts)
  const { label, hint } = isInteractive ? t.interactor : t.program
  return (
    <div className="space-y-2">
      <label className="flex items-center gap-2 min-h-6 pointer-coarse:min-h-11">
        <input type="checkbox" checked={isUsed} onChange={(event) => onChange({ text, isUsed: event.target.checked })} className="accent-accent-text size-4" />
        {t.use}
      </label>
      <textarea
        aria-label={label}
        value={text}
        autoFocus={isFocused}
        onChange={(event) => onChange({ text: event.target.value, isUsed: true })}
        rows={6}
        spellCheck={false}
        className="block w-full min-h-24 px-3 py-2 rounded-md border border-strong bg-surface font-mono text-sm"
      />
      {!isStored && <p role="status">{t.notStored}</p>}
      <p className="text-sm text-muted">{hint}</p>
    </div>
  )
}
