// Signs the user out.
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { api, dataOf } from '../api/client'
import { left } from '../api/queries'
import { announceSession } from '../util/session-channel'

export function useSignOut(): () => void {
  const queries = useQueryClient()
  const navigate = useNavigate()
  const signOut = useMutation({
    mutationFn: () => dataOf(api.DELETE('/api/v1/session')),
    onSuccess: async () => {
      left()
      await navigate({ to: '/problems' })
      // Data of the account must not stay on the screen, even if the user was on that page already.
      await queries.resetQueries()
      announceSession()
    },
  })
  return () => signOut.mutate()
}
