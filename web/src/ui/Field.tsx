// A labelled input with a hint and an error message. The server sends one error message per field.
import { useId, type InputHTMLAttributes } from 'react'

interface FieldProps extends InputHTMLAttributes<HTMLInputElement> {
  label: string
  hint?: string
  error?: string | undefined
}

export const inputClass =
  'w-full h-8 pointer-coarse:min-h-11 px-2.5 rounded-md border border-strong bg-surface text-text placeholder:text-muted'

export function Field({ label, hint, error, className = '', ...input }: FieldProps) {
  const id = useId()
  const notes = [hint !== undefined ? `${id}-hint` : '', error !== undefined ? `${id}-error` : ''].join(' ').trim()
  return (
    <div className={className}>
      <label htmlFor={id} className="block mb-1 font-medium">
        {label}
      </label>
      <input
        id={id}
        className={inputClass}
        aria-invalid={error !== undefined}
        {...(notes !== '' && { 'aria-describedby': notes })}
        {...input}
      />
      {hint !== undefined && (
        <p id={`${id}-hint`} className="mt-1 text-muted text-sm">
          {hint}
        </p>
      )}
      {error !== undefined && (
        <p id={`${id}-error`} className="mt-1 text-wrong text-sm">
          {error}
        </p>
      )}
    </div>
  )
}
