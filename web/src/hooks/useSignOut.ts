// Signs the user out.
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { api, dataOf, setAccount } from '../api/client'
import { announceSession } from '../util/session-channel'
import { SIGNED_IN } from '../util/signed-in'
import { removeOfTab } from '../util/storage'

export function useSignOut(): () => void {
  const queries = useQueryClient()
  const navigate = useNavigate()
  const signOut = useMutation({
    mutationFn: () => dataOf(api.DELETE('/api/v1/session')),
    onSuccess: async () => {
      removeOfTab(SIGNED_IN)
      // The page may still send requests of the user, which are refused now.
      setAccount(undefined)
      await navigate({ to: '/problems' })
      // Data of the account must not stay on the screen, even if the user was on that page already.
      await queries.resetQueries()
      announceSession()
    },
  })
  return () => signOut.mutate()
}
