// The code in the editor: kept in this browser at every change, so that neither a reload nor a crash loses it. If another
// tab changes the same draft, the person chooses; nothing is overwritten unseen.
import { useEffect, useState } from 'react'
import { draft, draftKey, keepDraft, type DraftOf } from '../util/drafts'

export function useDraft(of: DraftOf, start: string) {
  const [text, setText] = useState(() => draft(of) ?? start)
  const [isKept, setIsKept] = useState(true)
  /** What another tab has written since the last change here. */
  const [other, setOther] = useState<string>()
  const [revision, setRevision] = useState(0)
  const key = draftKey(of)

  useEffect(() => {
    const changed = (event: StorageEvent) => {
      if (event.key === key && event.newValue !== null) setOther(event.newValue)
    }
    addEventListener('storage', changed)
    return () => removeEventListener('storage', changed)
  }, [key])

  const change = (next: string) => {
    setText(next)
    setIsKept(keepDraft(of, next, start))
  }
  /** A change that the editor has not made itself. */
  const replace = (next: string) => {
    change(next)
    setRevision((count) => count + 1)
  }
  return {
    text,
    revision,
    change,
    replace,
    isKept,
    other: other === text ? undefined : other,
    takeOther: () => {
      if (other !== undefined) replace(other)
      setOther(undefined)
    },
    keepMine: () => {
      setOther(undefined)
      change(text)
    },
  }
}
