// Buttons. A screen has at most one primary button. They are 32 px high, or 44 px on touch screens.
import type { ComponentProps } from 'react'

const LOOKS = {
  primary: 'bg-accent text-on-accent font-semibold border-accent hover:brightness-105 active:brightness-95 disabled:bg-raised disabled:border-border disabled:filter-none',
  plain: 'bg-surface text-text border-strong hover:bg-raised active:bg-border disabled:bg-raised disabled:border-border',
  // For actions that cannot be undone.
  danger: 'bg-wrong text-bg font-semibold border-wrong hover:brightness-105 active:brightness-95 disabled:bg-raised disabled:border-border disabled:filter-none',
  quiet: 'bg-transparent text-text border-transparent hover:bg-raised active:bg-border disabled:bg-transparent',
}

interface ButtonProps extends ComponentProps<'button'> {
  look?: keyof typeof LOOKS
}

export function buttonClass(look: keyof typeof LOOKS = 'plain'): string {
  return `inline-flex items-center justify-center gap-1.5 h-8 pointer-coarse:min-h-11 pointer-coarse:min-w-10 px-3 rounded-md border whitespace-nowrap max-[300px]:h-auto max-[300px]:min-h-8 max-[300px]:whitespace-normal select-none transition-colors duration-150 disabled:text-muted disabled:cursor-not-allowed ${LOOKS[look]}`
}

export function Button({ look = 'plain', className = '', type = 'button', ...rest }: ButtonProps) {
  return <button type={type} className={`${buttonClass(look)} ${className}`} {...rest} />
}
