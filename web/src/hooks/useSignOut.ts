// Signs the user out.
import { useQueryClient } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { useEffect } from 'react'
import { api, dataOf } from '../api/client'
import { removeUser } from '../api/queries'
import { announceSession } from '../util/session-channel'
import { openDrafts } from '../util/signed-in'
import { useSend } from './useSend'

/** `close`: closes the list with the command after the server has ended the session, and then acts. Until then, the list stays and can show an error. */
export function useSignOut(close: (act: () => void) => void) {
  const queries = useQueryClient()
  const navigate = useNavigate()
  const leave = async () => {
    removeUser()
    await navigate({ to: '/problems' })
    // Data of the account must not stay on the screen, even if the user was on that page already.
    await queries.resetQueries()
    announceSession()
  }
  return useSend({
    mutationFn: async () => {
      await Promise.all([...openDrafts.values()].map((save) => save()))
      return dataOf(api.DELETE('/api/v1/session'))
    },
    onSuccess: () => close(() => void leave()),
  })
}

/** Opens the list with the command again if the sign-out fails after the list was closed, and forgets the failure when the list is closed. */
export function useShownFailure(isOpen: boolean, open: (isOpen: boolean) => void, { isError, reset }: ReturnType<typeof useSignOut>) {
  useEffect(() => {
    if (isError) open(true)
  }, [isError])
  useEffect(() => {
    if (!isOpen && isError) reset()
  }, [isOpen])
}
