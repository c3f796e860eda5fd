// Buttons for taking part in a contest: officially until it ends, virtually afterwards.
import { useQueryClient } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { CircleCheck } from 'lucide-react'
import { useEffect } from 'react'
import { api, dataOf, type Schema } from '../api/client'
import { useKeptFocus } from '../hooks/useKeptFocus'
import { useSend } from '../hooks/useSend'
import { contestTexts } from '../i18n/contests'
import { useLanguage, useTexts } from '../i18n/messages'
import { Button, buttonClass } from '../ui/Button'
import { lengthOf } from '../util/clock'
import { isRunningVirtually } from '../util/standings'
import { ErrorBox } from './ErrorBox'
import { lazyPart } from './LazyPart'

/** Only for a contest that is over. */
const AskFirst = lazyPart(async () => (await import('./AskFirst')).AskFirst)

type Kind = Schema['KindName']

/** `isPublic`: whether the user sees the contest without taking part. */
export function useChanges(slug: string, isPublic: boolean) {
  const queries = useQueryClient()
  const path = { slug }
  const onSettled = () => {
    for (const key of ['contest', 'standings', 'clarifications']) void queries.invalidateQueries({ queryKey: [key, slug] })
    void queries.invalidateQueries({ queryKey: ['contests'] })
  }
  const join = useSend({
    mutationFn: ({ kind, code }: { kind: Kind; code?: string }) =>
      dataOf(api.POST('/api/v1/contests/{slug}/participation', { params: { path }, body: { kind, ...(code !== undefined && { join_code: code }) } })),
    onSettled,
  })
  const leave = useSend({
    mutationFn: () => dataOf(api.DELETE('/api/v1/contests/{slug}/participation', { params: { path } })),
    onSettled,
    // The user may no longer see the contest, and its page asks for the join code.
    onSuccess: () => (isPublic ? undefined : queries.resetQueries({ queryKey: ['contest', slug] })),
  })
  return { join, leave }
}

export function TakePart({ contest, isSignedIn }: { contest: Schema['ContestView']; isSignedIn: boolean }) {
  const { messages: m, tag } = useLanguage()
  const t = useTexts(contestTexts)
  const c = m.contests
  const { join, leave } = useChanges(contest.slug, contest.public)
  const { phase, participation } = contest
  const error = join.error ?? leave.error
  const isPending = join.isPending || leave.isPending
  // The request may have had its effect although its answer was lost, or the user has acted in another tab.
  useEffect(() => {
    join.reset()
    leave.reset()
  }, [participation != null])
  // Both buttons disappear when they have acted.
  const place = useKeptFocus(participation != null)
  if (participation != null) {
    return (
      <div ref={place} tabIndex={-1} className="outline-none mt-2 sm:mt-4 space-y-2">
        <p className="flex flex-wrap items-center gap-2">
          <CircleCheck aria-hidden size={16} strokeWidth={1.75} className="text-accepted" />
          <Part of={contest} />
          {phase === 'upcoming' && (
            <Button disabled={isPending} onClick={() => leave.mutate()}>
              {t.leave}
            </Button>
          )}
        </p>
        {error !== null && <ErrorBox error={error} />}
      </div>
    )
  }
  if (!isSignedIn) {
    return (
      <div className="mt-2 sm:mt-4 space-y-2">
        <Link to="/sign-in" search={{ then: `/contests/${contest.slug}` }} className={buttonClass('primary')}>
          {phase === 'over' ? t.signInVirtually : c.signInToJoin}
        </Link>
        {phase === 'over' && <p className="max-w-[68ch] text-sm text-muted">{t.virtualHint}</p>}
      </div>
    )
  }
  // Organizers do not take part in their own contest.
  if (contest.may_change) return null
  const kind: Kind = phase === 'over' ? 'virtual' : 'official'
  return (
    <div ref={place} tabIndex={-1} className="outline-none mt-2 sm:mt-4 space-y-2">
      {phase === 'over' ? (
        <AskFirst
          waiting={
            <Button look="primary" disabled>
              {t.virtual}
            </Button>
          }
          look="primary"
          isHarmless
          text={t.virtual}
          question={t.virtualSure(lengthOf(contest.length_seconds, tag))}
          yes={t.virtualNow}
          no={m.cancel}
          isPending={isPending}
          onYes={() => join.mutate({ kind })}
        />
      ) : (
        <Button look="primary" disabled={isPending} onClick={() => join.mutate({ kind })}>
          {t.join}
        </Button>
      )}
      {phase !== 'upcoming' && <p className="max-w-[68ch] text-sm text-muted">{phase === 'over' ? t.virtualHint : t.joinHint}</p>}
      {error !== null && <ErrorBox error={error} />}
    </div>
  )
}

/** How the user takes part, or took part, in words. */
export function Part({ of: contest }: { of: Pick<Schema['ContestView'], 'phase' | 'participation'> }) {
  const t = useTexts(contestTexts)
  if (contest.participation?.kind === 'virtual') return isRunningVirtually(contest) ? t.takesPartVirtually : t.tookPartVirtually
  return contest.phase === 'over' ? t.tookPart : t.takesPart
}
