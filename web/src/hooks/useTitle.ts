// The title of the window.
import { useEffect } from 'react'
import { withoutOverrides } from '../util/visible'

export function useTitle(title: string | undefined): void {
  useEffect(() => {
    document.title = title === undefined ? 'Cupel' : `${withoutOverrides(title)} · Cupel`
  }, [title])
}
