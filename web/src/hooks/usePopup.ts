// A menu, list or dialog whose script is loaded when a person is about to open it. Until then it is a plain button.
import { useRef, useState, type KeyboardEvent } from 'react'
import { dropKeys } from '../ui/early-keys'
import { orReport } from '../util/missing-script'

type Use = 'unused' | 'open' | 'closed'

/** `load` imports the script. It is called again at each hint that the popup will be opened; the browser loads a script once. */
export function usePopup(load: () => Promise<unknown>) {
  const [use, setUse] = useState<Use>('unused')
  const isLoaded = useRef(false)
  const loaded = async () => {
    await load()
    isLoaded.current = true
  }
  const hint = () => void loaded().catch(() => undefined)
  const open = () => {
    if (isLoaded.current) setUse('open')
    // The next click tries again.
    else void orReport(loaded()).then(() => (isLoaded.current ? setUse('open') : dropKeys()))
  }
  return {
    /** Whether the popup has been opened, so that its script has taken over from the button. */
    isUsed: use !== 'unused',
    isOpen: use === 'open',
    setOpen: (isOpen: boolean) => setUse(isOpen ? 'open' : 'closed'),
    /** Shows the plain button again. */
    forget: () => setUse('unused'),
    hint,
    open,
    /** Attributes of the plain button of a menu or list. */
    button: {
      'aria-expanded': false,
      onPointerEnter: hint,
      onFocus: hint,
      onClick: open,
      onKeyDown: (event: KeyboardEvent) => {
        if (event.key !== 'ArrowDown' && event.key !== 'ArrowUp') return
        event.preventDefault()
        open()
      },
    },
  } as const
}
