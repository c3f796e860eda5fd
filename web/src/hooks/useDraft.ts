// The code in the editor. Every change is stored in this browser at once, so that a reload or a crash loses nothing,
// and is then saved on the server. If another tab or device changes the same draft, the user chooses a version, and the
// other version is kept.
import { useEffect, useRef, useState } from 'react'
import { draftServer } from '../api/drafts'
import { DraftSync } from '../util/draft-sync'
import { changeDraft, claim, draft, draftKey, forgetVersion, keepReplaced, settle, syncState, versions, versionsKey, type DraftOf, type Origin } from '../util/drafts'
import { openDrafts } from '../util/signed-in'
import { read } from '../util/storage'

/**
 * `isSynced`: whether the draft of a signed-in user is also saved on the server. `preview`: what a person sees of a text. A version that looks
 * like the draft is not offered; for example, only the title differs with which a program was shared.
 */
export function useDraft(of: DraftOf, start: string, isSynced = true, preview = (text: string) => text) {
  const key = draftKey(of)
  const [text, setText] = useState(() => {
    claim(of, start)
    return draft(of) ?? start
  })
  const [isStored, setIsStored] = useState(true)
  /** Whether the last replacement was refused, because the browser could not keep both texts. */
  const [isRefused, setIsRefused] = useState(false)
  /** The text that another tab has written since the last change in this tab. */
  const [other, setOther] = useState<string>()
  const [revision, setRevision] = useState(0)
  /** The versions in this browser, read again when they may have changed. */
  const [kept, setKept] = useState(() => versions(of))
  const [isSaved, setIsSaved] = useState(() => syncState(of).isSaved)
  /** The text that this tab last read from or wrote to the browser's storage. */
  const [first] = useState(() => read(key))
  const known = useRef(first)
  /** The editor's current text, for code that runs between two renders. */
  const now = useRef(text)
  const sync = useRef<DraftSync>(undefined)
  /** Whether the editor began with the starting code, and nothing was changed in this tab since. It then shows what another tab writes. */
  const follows = useRef(text === start)

  const refresh = () => {
    setKept(versions(of))
    setIsSaved(sync.current?.isSaved ?? syncState(of).isSaved)
  }
  /** Whether the text that is about to be replaced is kept as a version. If not, the page says so, and nothing is replaced. */
  const keeps = (replaced: string, origin?: Origin): boolean => {
    const isStored = keepReplaced(of, replaced, start, origin)
    if (!isStored) setIsRefused(true)
    return isStored
  }
  /** Returns whether the editor has the text. `mustKeep`: the editor gets the text only if the browser stores it. */
  const store = (next: string, begins: boolean, mustKeep = false): boolean => {
    // The text of another tab, which this tab has shown, stays in the history, even if Undo removes it here.
    if (follows.current && !keeps(now.current, 'tab') && mustKeep) return false
    const { isStored, isOtherStored } = changeDraft(of, next, start, known.current, begins)
    if (!isStored && mustKeep) {
      setIsRefused(true)
      return false
    }
    follows.current = false
    now.current = next
    setText(next)
    if (isStored) known.current = read(key)
    setIsStored(isStored)
    setIsRefused(false)
    setOther(undefined)
    if (isOtherStored || begins) setKept(versions(of))
    setIsSaved(false)
    sync.current?.changed(isStored)
    return true
  }
  /**
   * Replaces the editor's text from outside, and returns whether it did. The replaced text becomes a version. `mustKeep`: the caller then
   * forgets the stored copy of the new text, so the text is replaced only if the browser stores it as the draft.
   */
  const replace = (next: string, mustKeep = false): boolean => {
    if (next === now.current) return true
    if (!keeps(now.current)) return false
    if (!store(next, true, mustKeep)) return false
    setRevision((count) => count + 1)
    return true
  }

  useEffect(() => {
    if (isStored) return
    // The browser asks before the page is left.
    const ask = (event: BeforeUnloadEvent) => event.preventDefault()
    addEventListener('beforeunload', ask)
    return () => removeEventListener('beforeunload', ask)
  }, [isStored])

  // The effects below use the values of the latest render.
  const latest = useRef({ refresh, start, of })
  useEffect(() => {
    latest.current = { refresh, start, of }
  })
  useEffect(() => {
    const { of } = latest.current
    const changed = (event: StorageEvent) => {
      if (event.key === key && event.newValue !== null) {
        if (follows.current) {
          now.current = known.current = event.newValue
          setText(event.newValue)
          setRevision((count) => count + 1)
        } else setOther(event.newValue)
      }
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
        const { isStored } = changeDraft(of, next, start, known.current)
        if (isStored) known.current = read(key)
        setOther(undefined)
        setRevision((count) => count + 1)
        return isStored
      },
      isReplaced: () => read(key) !== known.current,
      changed: () => latest.current.refresh(),
    })
    sync.current = running
    void running.look()
    const shown = () => void (document.visibilityState === 'visible' ? running.look() : running.flush(true))
    const leaving = () => void running.flush(true)
    const save = () => running.flush()
    document.addEventListener('visibilitychange', shown)
    addEventListener('pagehide', leaving)
    addEventListener('online', save)
    openDrafts.set(key, save)
    return () => {
      document.removeEventListener('visibilitychange', shown)
      removeEventListener('pagehide', leaving)
      removeEventListener('online', save)
      openDrafts.delete(key)
      running.stop()
      sync.current = undefined
    }
  }, [key, isOwned])

  const offered = kept.find((one) => one.isOffered && one.text !== text && preview(one.text) !== preview(text))
  return {
    text,
    /** The text in the editor now. A key may be pressed before the page is drawn with the last change. */
    now: () => now.current,
    revision,
    // The editor also reports texts that this hook has set.
    change: (next: string) => {
      if (next !== now.current) store(next, false)
    },
    replace,
    /** Keeps the present text in the history, as a text that was run or submitted. */
    keep: () => sync.current?.keep(),
    isStored,
    isRefused,
    /** Whether the server has the text; `undefined` if the draft is not saved on the server. */
    isSaved: isOwned ? isSaved : undefined,
    /** Whether the server has refused to save the text. */
    isUnsaveable: () => sync.current?.isRefused === true,
    other: other === text ? undefined : other,
    takeOther: () => {
      if (other === undefined || !keeps(now.current)) return
      // This tab now knows the other tab's text.
      known.current = read(key)
      store(other, true)
      setRevision((count) => count + 1)
    },
    keepMine: () => {
      if (other !== undefined && !keeps(other, 'tab')) return
      known.current = read(key)
      store(now.current, true)
    },
    versions: kept,
    /** A version that the user has neither accepted nor rejected. */
    offered,
    takeOffered: () => {
      if (offered === undefined || !replace(offered.text, true)) return
      settle(of)
      forgetVersion(of, offered.text)
      setKept(versions(of))
    },
    dismissOffered: () => {
      settle(of)
      setKept(versions(of))
    },
  }
}
