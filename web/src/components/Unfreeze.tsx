// The button with which an organizer lifts the freeze of a contest that has ended.
import { useQueryClient } from '@tanstack/react-query'
import { Snowflake } from 'lucide-react'
import { api, dataOf, type Schema } from '../api/client'
import { useKeptFocus } from '../hooks/useKeptFocus'
import { useSend } from '../hooks/useSend'
import { useTexts } from '../i18n/messages'
import { unfreezeTexts } from '../i18n/unfreeze'
import { isFrozenAfterEnd } from '../util/standings'
import { AskFirst } from './AskFirst'
import { ErrorBox } from './ErrorBox'

export function Unfreeze({ contest }: { contest: Schema['ContestView'] }) {
  const t = useTexts(unfreezeTexts)
  const queries = useQueryClient()
  const { slug } = contest
  const lift = useSend({
    mutationFn: () => dataOf(api.PATCH('/api/v1/contests/{slug}', { params: { path: { slug } }, body: { unfrozen: true } })),
    onSuccess: () => Promise.all(['contest', 'standings'].map((key) => queries.invalidateQueries({ queryKey: [key, slug] }))),
  })
  const isFrozen = contest.may_change && isFrozenAfterEnd(contest)
  const place = useKeptFocus(isFrozen)
  // The contest may be loaded again before the answer of the request arrives. The text must be there for the focus.
  if (!isFrozen && lift.isIdle) return null
  return (
    <div ref={place} tabIndex={-1} className="outline-none mt-2 sm:mt-4">
      {!isFrozen ? (
        <p role="status" className="text-accepted">
          {t.done}
        </p>
      ) : (
        <AskFirst
          isHarmless
          icon={<Snowflake aria-hidden size={16} strokeWidth={1.5} />}
          text={t.unfreeze}
          question={t.sure}
          yes={t.now}
          no={t.not}
          isPending={lift.isPending}
          onYes={() => lift.mutate()}
        />
      )}
      {isFrozen && lift.error !== null && <ErrorBox error={lift.error} />}
    </div>
  )
}
