// The title of the window.
import { useEffect } from 'react'

export function useTitle(title: string | undefined): void {
  useEffect(() => {
    document.title = title === undefined ? 'Cupel' : `${title} · Cupel`
  }, [title])
}
