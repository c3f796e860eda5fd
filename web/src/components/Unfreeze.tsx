// The button with which an organizer lifts the freeze of a contest that has ended.
import { useQueryClient } from '@tanstack/react-query'
import { Snowflake } from 'lucide-react'
import { useState } from 'react'
import { api, dataOf, type Schema } from '../api/client'
import { useSend } from '../hooks/useSend'
import { useTexts } from '../i18n/messages'
import { unfreezeTexts } from '../i18n/unfreeze'
import { Button } from '../ui/Button'
import { isFrozenAfterEnd } from '../util/standings'
import { ErrorBox } from './ErrorBox'

export function Unfreeze({ contest }: { contest: Schema['ContestView'] }) {
  const t = useTexts(unfreezeTexts)
  const queries = useQueryClient()
  const { slug } = contest
  const [isAsked, setIsAsked] = useState(false)
  const lift = useSend({
    mutationFn: () => dataOf(api.PATCH('/api/v1/contests/{slug}', { params: { path: { slug } }, body: { unfrozen: true } })),
    onSuccess: () => Promise.all(['contest', 'standings'].map((key) => queries.invalidateQueries({ queryKey: [key, slug] }))),
  })
  const isFrozen = contest.may_change && isFrozenAfterEnd(contest)
  if (!isFrozen && !lift.isSuccess) return null
  return (
    <div className="mt-2 sm:mt-4">
      {!isFrozen ? (
        <p role="status" className="text-accepted">
          {t.done}
        </p>
      ) : !isAsked ? (
        <Button onClick={() => setIsAsked(true)}>
          <Snowflake aria-hidden size={16} strokeWidth={1.5} />
          {t.unfreeze}
        </Button>
      ) : (
        <div role="group" aria-label={t.unfreeze} className="flex flex-wrap items-center gap-2">
          <p className="max-sm:basis-full">{t.sure}</p>
          <Button look="primary" disabled={lift.isPending} onClick={() => lift.mutate()}>
            {t.now}
          </Button>
          <Button autoFocus disabled={lift.isPending} onClick={() => setIsAsked(false)}>
            {t.not}
          </Button>
        </div>
      )}
      {lift.error !== null && <ErrorBox error={lift.error} />}
    </div>
  )
}
