// The announcements and answers of a contest that the user has read in this browser. All tabs share this state.
import { useCallback, useMemo, useSyncExternalStore } from 'react'
import { keysOf, remembered, type Entry } from '../util/news'
import { choose, chosen } from '../util/storage'

const listeners = new Set<() => void>()

const textOf = (key: string): string => chosen(key) ?? ''

function subscribe(listener: () => void): () => void {
  listeners.add(listener)
  addEventListener('storage', listener)
  return () => {
    listeners.delete(listener)
    removeEventListener('storage', listener)
  }
}

/** The keys of the read entries, and a function that adds entries. */
export function useRead(user: string | undefined, slug: string): [ReadonlySet<string>, (entries: readonly Entry[]) => void] {
  const key = `cupel.news.${user ?? ''}/${slug}`
  const text = useSyncExternalStore(subscribe, () => textOf(key))
  const mark = useCallback(
    (entries: readonly Entry[]) => {
      const before = textOf(key)
      const after = remembered(entries, before)
      if (after === before) return
      choose(key, after)
      for (const listener of listeners) listener()
    },
    [key],
  )
  return [useMemo(() => keysOf(text), [text]), mark]
}
