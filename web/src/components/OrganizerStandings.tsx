// The standings for an organizer, who may also see the results that a freeze hides from everybody else.
import { useQuery, type UseQueryResult } from '@tanstack/react-query'
import { Snowflake } from 'lucide-react'
import { useState } from 'react'
import type { Schema } from '../api/client'
import { standingsQuery, UNFROZEN_STANDINGS_POLL_MS, type Standings } from '../api/contests'
import { useTexts } from '../i18n/messages'
import { organizerViewTexts } from '../i18n/organizer-view'
import { Button } from '../ui/Button'
import { StandingsTable } from './StandingsTable'

interface Props {
  contest: Schema['ContestView']
  /** The standings that contestants see. */
  query: UseQueryResult<Standings>
  user: string | undefined
}

/** The hidden results are shown on request only, and only until the page is left: an organizer may share the screen. */
export function OrganizerStandings({ contest, query, user }: Props) {
  const t = useTexts(organizerViewTexts)
  const [isWanted, setIsWanted] = useState(false)
  const isFrozen = query.data?.frozen === true && contest.phase !== 'upcoming'
  const isRevealed = isWanted && isFrozen
  const revealed = useQuery({ ...standingsQuery(contest.slug, true), enabled: isRevealed, refetchInterval: UNFROZEN_STANDINGS_POLL_MS })
  return (
    <>
      {isFrozen && (
        <div className="mb-3 p-3 flex flex-wrap items-center gap-x-4 gap-y-2 rounded-md bg-raised border border-border">
          <p role="status" className="grow basis-64 flex gap-2">
            <Snowflake aria-hidden size={16} strokeWidth={1.5} className="mt-0.5 shrink-0 text-compile" />
            {isRevealed ? t.revealed : t.frozen}
          </p>
          <Button onClick={() => setIsWanted(!isWanted)}>{isRevealed ? t.hide : t.reveal}</Button>
        </div>
      )}
      <StandingsTable key={String(isRevealed)} contest={contest} query={isRevealed ? revealed : query} user={user} isOrganizer isUnfrozen={isRevealed} />
    </>
  )
}
