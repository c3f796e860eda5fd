// The code in the editor: kept in this browser at every change, so that neither a reload nor a crash loses it, and saved on
// the server after it. If another tab or device changes the same draft, the person chooses; nothing is lost.
import { useEffect, useRef, useState } from 'react'
import { draftServer } from '../api/drafts'
import { DraftSync } from '../util/draft-sync'
import { changeDraft, claim, draft, draftKey, forgetVersion, keepVersion, settle, syncState, versions, versionsKey, type DraftOf } from '../util/drafts'
import { read } from '../util/storage'

/** `isSaved`: whether the draft is kept on the server as well, for a user who is signed in. */
export function useDraft(of: DraftOf, start: string, isSynced = true) {
  const key = draftKey(of)
  const [text, setText] = useState(() => {
    claim(of, start)
    return draft(of) ?? start
  })
  const [isKept, setIsKept] = useState(true)
  /** What another tab has written since the last change here. */
  const [other, setOther] = useState<string>()
  const [revision, setRevision] = useState(0)
  /** The versions in this browser, read again when they may have changed. */
  const [kept, setKept] = useState(() => versions(of))
  const [isSaved, setIsSaved] = useState(() => syncState(of).isSaved)
  /** What this tab has last read or written in the browser's storage. */
  const [first] = useState(() => read(key))
  const known = useRef(first)
  /** The text of the editor, for what happens between two drawings. */
  const now = useRef(text)
  const sync = useRef<DraftSync>(undefined)

  const refresh = () => {
    setKept(versions(of))
    setIsSaved(syncState(of).isSaved)
  }
  const store = (next: string, begins: boolean) => {
    now.current = next
    setText(next)
    const { isKept, isOtherKept } = changeDraft(of, next, start, known.current, begins)
    if (isKept) known.current = read(key)
    setIsKept(isKept)
    setOther(undefined)
    if (isOtherKept || begins) setKept(versions(of))
    setIsSaved(false)
    sync.current?.changed()
  }
  /** A change that the editor has not made itself. What it replaces becomes a version. */
  const replace = (next: string) => {
    if (next === now.current) return
    if (now.current !== start) keepVersion(of, now.current, 'replaced', false)
    store(next, true)
    setRevision((count) => count + 1)
  }

  // The effects below call what the last drawing has made.
  const latest = useRef({ refresh, start, of })
  useEffect(() => {
    latest.current = { refresh, start, of }
  })
  useEffect(() => {
    const { of } = latest.current
    const changed = (event: StorageEvent) => {
      if (event.key === key && event.newValue !== null) setOther(event.newValue)
      if (event.key === versionsKey(of)) latest.current.refresh()
    }
    addEventListener('storage', changed)
    return () => removeEventListener('storage', changed)
  }, [key])

  const isOwned = isSynced && of.user !== undefined
  useEffect(() => {
    if (!isOwned) return
    const { of, start } = latest.current
    const running = new DraftSync(of, draftServer(of), {
      text: () => now.current,
      adopt: (next) => {
        now.current = next
        setText(next)
        changeDraft(of, next, start, known.current)
        known.current = read(key)
        setOther(undefined)
        setRevision((count) => count + 1)
      },
      changed: () => latest.current.refresh(),
    })
    sync.current = running
    void running.look()
    const shown = () => (document.visibilityState === 'visible' ? void running.look() : running.flush(true))
    const leaving = () => running.flush(true)
    const online = () => running.flush()
    document.addEventListener('visibilitychange', shown)
    addEventListener('pagehide', leaving)
    addEventListener('online', online)
    return () => {
      document.removeEventListener('visibilitychange', shown)
      removeEventListener('pagehide', leaving)
      removeEventListener('online', online)
      running.stop()
      sync.current = undefined
    }
  }, [key, isOwned])

  const offered = kept.find((one) => one.isOffered && one.text !== text)
  return {
    text,
    revision,
    // The editor also reports what it was given.
    change: (next: string) => {
      if (next !== now.current) store(next, false)
    },
    replace,
    isKept,
    /** Whether the server has the text; `undefined`: it is not kept there. */
    isSaved: isOwned ? isSaved : undefined,
    other: other === text ? undefined : other,
    takeOther: () => {
      if (other === undefined) return
      keepVersion(of, now.current, 'replaced', false)
      // This tab now knows what the other one has written.
      known.current = read(key)
      store(other, true)
      setRevision((count) => count + 1)
    },
    keepMine: () => {
      if (other !== undefined) keepVersion(of, other, 'tab', false)
      known.current = read(key)
      store(now.current, true)
    },
    versions: kept,
    /** A version that the person has not decided about. */
    offered,
    takeOffered: () => {
      if (offered === undefined) return
      settle(of)
      replace(offered.text)
      forgetVersion(of, offered.text)
      setKept(versions(of))
    },
    dismissOffered: () => {
      settle(of)
      setKept(versions(of))
    },
  }
}
