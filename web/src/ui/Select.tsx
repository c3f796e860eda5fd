// A native select: the best choice on phones and for screen readers.
import { ChevronDown } from 'lucide-react'

interface SelectProps<T extends string> {
  label: string
  value: T
  options: readonly { value: T; text: string }[]
  onChange: (value: T) => void
  className?: string
}

export function Select<T extends string>({ label, value, options, onChange, className = '' }: SelectProps<T>) {
  return (
    <div className={`relative inline-flex ${className}`}>
      <select
        aria-label={label}
        value={value}
        onChange={(event) => onChange(event.target.value as T)}
        className="appearance-none h-8 pointer-coarse:min-h-11 w-full pl-2 pr-6 rounded-md border border-strong bg-surface text-text"
      >
        {options.map(({ value, text }) => (
          <option key={value} value={value}>
            {text}
          </option>
        ))}
      </select>
      <ChevronDown aria-hidden size={14} className="absolute right-2 top-1/2 -translate-y-1/2 pointer-events-none text-muted" />
    </div>
  )
}
