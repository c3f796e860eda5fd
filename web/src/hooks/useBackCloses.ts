// While a dialog is open, the browser's button Back closes the dialog and does not leave the page: the open dialog is an entry of its own
// in the browser's history.
import { useRouter } from '@tanstack/react-router'
import { useEffect, useRef } from 'react'

export function useBackCloses(isOpen: boolean, close: () => void): void {
  const { history } = useRouter()
  const act = useRef(close)
  useEffect(() => {
    act.current = close
  })
  useEffect(() => {
    if (!isOpen) return
    let isLeft = false
    history.push(history.location.href)
    const left = () => {
      isLeft = true
      act.current()
    }
    addEventListener('popstate', left)
    return () => {
      removeEventListener('popstate', left)
      if (!isLeft) history.back()
    }
  }, [isOpen, history])
}
