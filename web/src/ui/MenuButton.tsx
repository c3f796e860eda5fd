// A button that opens a menu. The menu's script is loaded when a person is about to open it.
import type { ReactNode } from 'react'
import { usePopup } from '../hooks/usePopup'
import { buttonClass } from './Button'

export const MENU_BUTTON = `${buttonClass('quiet')} px-2`

/** What a menu takes over from its button. */
export interface Opened {
  isOpen: boolean
  onOpen: (isOpen: boolean) => void
  label: string
  title: string | undefined
  /** The inside of the button. */
  content: ReactNode
}

interface MenuButtonProps {
  label: string
  title?: string
  children: ReactNode
  load: () => Promise<unknown>
  /** The menu, a `lazyPart` whose script `load` imports. */
  menu: (given: { opened: Opened; waiting: ReactNode }) => ReactNode
}

export function MenuButton({ label, title, children, load, menu }: MenuButtonProps) {
  const popup = usePopup(load)
  const button = (
    <button type="button" aria-haspopup="menu" aria-label={label} title={title} {...popup.button} className={MENU_BUTTON}>
      {children}
    </button>
  )
  if (!popup.isUsed) return button
  return menu({ opened: { isOpen: popup.isOpen, onOpen: popup.setOpen, label, title, content: children }, waiting: button })
}
