// A labelled input with a hint and an error message. The server sends one error per field, which is worded by its code. If the browser
// refuses a value, the message is in the same place, instead of in the browser's bubble. A password can be shown.
import { useEffect, useId, useRef, useState, type FormEvent, type InputHTMLAttributes } from 'react'
import { fields, worded, type FieldTexts, type Refused } from '../i18n/fields'
import { useTexts } from '../i18n/messages'
import { visible } from '../util/visible'

interface FieldProps extends InputHTMLAttributes<HTMLInputElement> {
  label: string
  hint?: string
  error?: string | Refused | undefined
  /** The message if a required field is empty. */
  missing?: string
}

export const inputClass =
  'w-full h-8 pointer-coarse:min-h-11 px-2.5 rounded-md border border-strong aria-invalid:border-wrong bg-surface text-text placeholder:text-muted'

/**
 * Whether a text has too many characters, counted as the server counts them. The browser's `maxlength` would cut typed
 * or pasted text without a message.
 */
export const isTooLong = (text: string, most: number | undefined): most is number => most !== undefined && text.length > most && [...text].length > most

/** The first character that the pattern of a field refuses anywhere. */
const refusedCharacter = (value: string, pattern: string): string | undefined => {
  const allowed = new RegExp(`^(?:${pattern})$`, 'v')
  return [...value].find((one) => !allowed.test(one))
}

/** Why the form refuses a value. */
export function refusal({ validity, minLength, validationMessage, value, pattern }: Pick<HTMLInputElement, 'validity' | 'minLength' | 'validationMessage' | 'value' | 'pattern'>, t: FieldTexts): string {
  if (validity.customError) return validationMessage
  if (validity.valueMissing) return t.missing
  if (validity.tooShort) return t.short(minLength)
  if (validity.patternMismatch) {
    const wrong = refusedCharacter(value, pattern)
    return wrong !== undefined ? t.character(visible(wrong)) : /\s/.test(value.trim()) ? t.spaces : t.invalid
  }
  return validity.typeMismatch ? t.email : t.invalid
}

export function Field({ label, hint, error, missing, className = '', type, maxLength, ...input }: FieldProps) {
  const t = useTexts(fields)
  const id = useId()
  const [refused, setRefused] = useState<string>()
  const [isShown, setIsShown] = useState(false)
  const isPassword = type === 'password'
  const place = useRef<HTMLInputElement>(null)
  // The first field that the server refuses gets the focus.
  useEffect(() => {
    const field = place.current
    if (error !== undefined && field?.form?.querySelector('[aria-invalid=true]') === field) field?.focus()
  }, [error])
  const words = typeof error === 'object' ? worded(error, t) : error
  const fault = refused ?? words ?? (typeof error === 'object' ? <span lang="en">{error.detail}</span> : undefined)
  const notes = [hint !== undefined ? `${id}-hint` : '', fault !== undefined ? `${id}-error` : ''].join(' ').trim()
  const refuse = (event: FormEvent<HTMLInputElement>) => {
    event.preventDefault()
    const { currentTarget: field } = event
    setRefused(missing !== undefined && field.validity.valueMissing ? missing : refusal(field, t))
    if (field.form?.querySelector('input:invalid') === field) field.focus()
  }
  return (
    <div className={className}>
      <label htmlFor={id} id={`${id}-label`} className="block mb-1 font-medium">
        {label}
      </label>
      <div className="relative">
        <input
          ref={place}
          id={id}
          type={isPassword && isShown ? 'text' : type}
          {...(isPassword && { autoCapitalize: 'none', spellCheck: false })}
          className={`${inputClass} read-only:bg-raised ${isPassword ? 'pr-16' : ''}`}
          aria-invalid={fault !== undefined}
          {...(notes !== '' && { 'aria-describedby': notes })}
          {...input}
          onInvalid={refuse}
          onInput={({ currentTarget: field }) => {
            const fault = isTooLong(field.value, maxLength) ? t.long(maxLength) : ''
            field.setCustomValidity(fault)
            setRefused(fault === '' ? undefined : fault)
          }}
        />
        {isPassword && (
          <button
            type="button"
            aria-describedby={`${id}-label`}
            onClick={() => setIsShown(!isShown)}
            className="absolute inset-y-0 right-0 px-2.5 rounded-md text-sm text-accent-text hover:underline"
          >
            {isShown ? t.hide : t.show}
          </button>
        )}
      </div>
      {hint !== undefined && (
        <p id={`${id}-hint`} className="mt-1 text-muted text-sm">
          {hint}
        </p>
      )}
      {fault !== undefined && (
        <p id={`${id}-error`} role={refused === undefined ? undefined : 'alert'} className="mt-1 text-wrong text-sm">
          {fault}
        </p>
      )}
    </div>
  )
}
