// How the sending of a text goes, whichever form has sent it: a form that was left while it sent, and was opened again, is a new form for
// the same text.
import { useQueryClient } from '@tanstack/react-query'
import { useCallback, useState, useSyncExternalStore } from 'react'

export interface Sending {
  isPending: boolean
  isSuccess: boolean
  error: Error | null
  /** Forgets what has ended. */
  forget: () => void
}

/** `key`: of the text, and of the mutations that send it. A success from before the form was shown is not told. */
export function useSending(key: string): Sending {
  const cache = useQueryClient().getMutationCache()
  const subscribe = useCallback((onChange: () => void) => cache.subscribe(onChange), [cache])
  const filters = { mutationKey: [key] }
  const latest = () => cache.findAll(filters).at(-1)?.state
  const state = useSyncExternalStore(subscribe, latest)
  const [before] = useState(state)
  return {
    isPending: state?.status === 'pending',
    isSuccess: state?.status === 'success' && state !== before,
    error: state?.error ?? null,
    forget: () => cache.findAll({ ...filters, predicate: (one) => one.state.status !== 'pending' }).forEach((one) => cache.remove(one)),
  }
}
