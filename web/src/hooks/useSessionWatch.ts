// Whether the session of this page has ended or another user has signed in, for example in another tab.
//
// The page of a user keeps the data and the drafts of its user meanwhile, so this does not change the session in the cache. The page of a
// visitor becomes that of the user who has signed in; the visitor's drafts go with it.
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useEffect, useState } from 'react'
import { api, dataOf } from '../api/client'
import { adopt, sessionQuery } from '../api/queries'
import { watchSession } from '../util/session-channel'
import { noteSignedIn, wasSignedIn } from '../util/signed-in'
import { read } from '../util/storage'

/** Minimum time between two checks when the user returns to the page. */
const CHECK_MS = 10_000

/** Sends the user's drafts that only this browser has. Their script is loaded only if there are some. */
async function sendDrafts(user: string) {
  // A draft for a shared program is never sent.
  const kept = RegExp(`^cupel.draft/${user}/(?!\\(s).*/sync$`)
  if (Object.keys(localStorage).some((key) => kept.test(key) && read(key)?.includes('d":false'))) await (await import('../util/kept-drafts')).sendKept(user)
}

interface Found {
  /** The user of the page at the time of the check. */
  before: string
  id: string | undefined
  name: string | undefined
}

/** `undefined`: the session has not changed. `name`: the user who is signed in now. */
export function useSessionWatch(): { name: string | undefined } | undefined {
  const queries = useQueryClient()
  const { data: session, dataUpdatedAt } = useQuery(sessionQuery)
  const isKnown = session !== undefined
  const user = session?.user?.user_id
  const [found, setFound] = useState<Found>()
  // The user has signed in again.
  useEffect(() => setFound(undefined), [dataUpdatedAt])
  // Whether the session ended while the page was closed or reloaded. The page no longer shows the user's code, and says why.
  const [hasEnded, setHasEnded] = useState(false)
  useEffect(() => {
    if (!isKnown) return
    setHasEnded(user === undefined && wasSignedIn())
    noteSignedIn(user !== undefined)
  }, [isKnown, user])
  const name = session?.user?.username
  useEffect(() => {
    // Without the script, the drafts are sent when the site is opened again.
    if (name !== undefined) sendDrafts(name).catch(() => undefined)
  }, [name])
  useEffect(() => {
    if (!isKnown) return
    let isCurrent = true
    let checkedAt = Date.now()
    let isChecking = false
    const check = async () => {
      if (isChecking) return
      isChecking = true
      checkedAt = Date.now()
      const state = await dataOf(api.GET('/api/v1/session')).catch(() => undefined)
      isChecking = false
      if (!isCurrent || state === undefined) return
      if (user === undefined) {
        if (state.user != null) adopt(queries, state)
      } else setFound({ before: user, id: state.user?.user_id, name: state.user?.username })
    }
    const back = () => {
      if (document.visibilityState === 'visible' && Date.now() - checkedAt > CHECK_MS) void check()
    }
    const unwatch = watchSession(() => void check())
    addEventListener('focus', back)
    document.addEventListener('visibilitychange', back)
    return () => {
      isCurrent = false
      unwatch()
      removeEventListener('focus', back)
      document.removeEventListener('visibilitychange', back)
    }
  }, [isKnown, user])
  if (hasEnded && user === undefined) return { name: undefined }
  if (found === undefined || found.before !== user || found.id === user) return undefined
  return { name: found.name }
}
