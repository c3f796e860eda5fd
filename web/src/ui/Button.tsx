// Buttons. A screen has at most one primary button. They are 32 px high, or 44 px on touch screens.
//
// A browser takes the focus from a button that becomes disabled, and Tab then begins at the top of the page. So
// `disabled` is an `aria-disabled` here: the button keeps the focus, looks disabled, and ignores clicks, also that of
// Enter in a field of its form.
import type { ComponentProps, MouseEvent } from 'react'

const LOOKS = {
  primary: 'bg-accent text-on-accent font-semibold border-accent hover:brightness-105 active:brightness-95 aria-disabled:bg-raised aria-disabled:border-border aria-disabled:filter-none',
  plain: 'bg-surface text-text border-strong hover:bg-raised active:bg-border aria-disabled:bg-raised aria-disabled:border-border',
  // For actions that cannot be undone.
  danger: 'bg-wrong text-bg font-semibold border-wrong hover:brightness-105 active:brightness-95 aria-disabled:bg-raised aria-disabled:border-border aria-disabled:filter-none',
  quiet: 'bg-transparent text-text border-transparent hover:bg-raised active:bg-border aria-disabled:bg-transparent',
}

interface ButtonProps extends ComponentProps<'button'> {
  look?: keyof typeof LOOKS
}

export function buttonClass(look: keyof typeof LOOKS = 'plain'): string {
  return `inline-flex items-center justify-center gap-1.5 h-8 pointer-coarse:min-h-11 pointer-coarse:min-w-10 px-3 rounded-md border whitespace-nowrap max-[300px]:h-auto max-[300px]:min-h-8 max-[300px]:whitespace-normal select-none transition-colors duration-150 aria-disabled:text-muted aria-disabled:cursor-not-allowed ${LOOKS[look]}`
}

const ignore = (event: MouseEvent) => event.preventDefault()

export function Button({ look = 'plain', className = '', type = 'button', disabled = false, onClick, ...rest }: ButtonProps) {
  return <button type={type} className={`${buttonClass(look)} ${className}`} {...rest} aria-disabled={disabled || undefined} onClick={disabled ? ignore : onClick} />
}
