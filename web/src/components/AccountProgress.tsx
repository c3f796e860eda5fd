// The user's solved problems: by difficulty, by tag, and by day of the last year.
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useRef, useState } from 'react'
import { flushSync } from 'react-dom'
import { progressQuery } from '../api/account'
import { useIsOnline } from '../hooks/useIsOnline'
import { useMedia } from '../hooks/useMedia'
import { account } from '../i18n/account'
import { useLanguage, useTexts } from '../i18n/messages'
import { Button, buttonClass } from '../ui/Button'
import { Meter } from '../ui/Meter'
import { levelOf, weeksOf, type Day } from '../util/calendar'
import { serverNow } from '../util/clock'
import { count } from '../util/format'
import { ErrorBox } from './ErrorBox'
import { RowsSkeleton } from './Skeletons'

/** Columns of the calendar: a year, or fewer weeks on a phone. */
const WEEKS = 53
const WEEKS_NARROW = 24

/** Number of tags shown at first, those with the most solved problems first. */
const TAGS_SHOWN = 24

export function AccountProgress() {
  const { messages: m, tag } = useLanguage()
  const p = useTexts(account).progress
  const found = useQuery(progressQuery)
  const [showsAll, setShowsAll] = useState(false)
  const tags = useRef<HTMLUListElement>(null)
  const isOnline = useIsOnline()
  // Without a connection, the skeleton says that it waits for it.
  if (found.data === undefined) return found.error !== null && isOnline ? <ErrorBox error={found.error} onRetry={() => void found.refetch()} /> : <RowsSkeleton />
  const { progress, activity } = found.data
  if (progress.solved === 0 && progress.attempted === 0) {
    return (
      <div className="py-10 text-center">
        <p className="text-lg font-semibold">{p.none}</p>
        <p className="mt-1 text-muted">{p.noneDetail}</p>
        <Link to="/problems" className={`${buttonClass('primary')} mt-4`}>
          {p.begin}
        </Link>
      </div>
    )
  }
  const n = (value: number) => count(value, tag)
  const difficulties = [
    ['easy', 'bg-accepted'],
    ['medium', 'bg-limit'],
    ['hard', 'bg-wrong'],
  ] as const
  return (
    <div className="grid grid-cols-1 gap-x-12 gap-y-8 md:grid-cols-2">
      <section className="md:col-span-2">
        <p className="flex flex-wrap items-baseline gap-x-2">
          <span className="text-3xl font-semibold tabular-nums">{n(progress.solved)}</span>
          <span className="text-lg">{p.solved(progress.solved)}</span>
          {progress.attempted > 0 && <span className="text-muted">{p.tried(progress.attempted)}</span>}
        </p>
        <Calendar days={activity.days} />
      </section>
      <section>
        <h2 className="mb-3 text-lg font-semibold">{p.byDifficulty}</h2>
        <div className="space-y-3">
          {difficulties.map(([name, colour]) => (
            <Meter key={name} label={m.list.difficulties[name]} value={progress[name]} max={activity.problems[name]} text={p.of(n(progress[name]), n(activity.problems[name]))} colour={colour} />
          ))}
        </div>
      </section>
      {activity.tags.length > 0 && (
        <section>
          <h2 className="mb-3 text-lg font-semibold">{p.byTag}</h2>
          <ul ref={tags} className="flex flex-wrap gap-2">
            {(showsAll ? activity.tags : activity.tags.slice(0, TAGS_SHOWN)).map((one) => (
              <li key={one.tag}>
                <Link
                  to="/problems"
                  search={{ tag: one.tag }}
                  className={`inline-flex items-center gap-2 px-2 min-h-7 pointer-coarse:min-h-11 rounded-md border border-border hover:bg-raised ${one.solved === 0 ? 'text-muted' : ''}`}
                >
                  {m.tag(one.tag)}
                  <span className="figure">
                    <span className="sr-only">{p.of(n(one.solved), n(one.problems))}</span>
                    <span aria-hidden>
                      {n(one.solved)}/{n(one.problems)}
                    </span>
                  </span>
                </Link>
              </li>
            ))}
          </ul>
          {!showsAll && activity.tags.length > TAGS_SHOWN && (
            <Button
              className="mt-3"
              onClick={() => {
                flushSync(() => setShowsAll(true))
                // The button disappears. Tab goes on with the first tag that was not shown.
                tags.current?.querySelectorAll('a')[TAGS_SHOWN]?.focus()
              }}
            >
              {p.allTags(n(activity.tags.length))}
            </Button>
          )}
        </section>
      )}
    </div>
  )
}

const LEVELS = ['bg-border', 'bg-accepted/40', 'bg-accepted/70', 'bg-accepted']

function Calendar({ days }: { days: Day[] }) {
  const { tag } = useLanguage()
  const p = useTexts(account).progress
  const isNarrow = useMedia('(width < 800px)')
  const weeks = weeksOf(days, serverNow(), isNarrow ? WEEKS_NARROW : WEEKS)
  const shown = weeks.flat()
  const solved = shown.filter((day) => day.solved > 0)
  const total = solved.reduce((sum, day) => sum + day.solved, 0)
  const dateOf = (date: string) => new Date(date).toLocaleDateString(tag, { dateStyle: 'medium', timeZone: 'UTC' })
  const month = (date: string) => new Date(date).toLocaleDateString(tag, { month: 'short', timeZone: 'UTC' })
  return (
    <figure className="mt-4">
      <figcaption className="mb-2 flex flex-wrap items-baseline gap-x-2 text-sm">
        <span className="font-medium">{isNarrow ? p.calendarShort : p.calendar}</span>
        <span className="text-muted">{p.calendarSays(total, solved.length)}</span>
      </figcaption>
      <ul className="sr-only">
        {solved.map((day) => (
          <li key={day.date}>{p.day(dateOf(day.date), day.solved)}</li>
        ))}
      </ul>
      <div aria-hidden className="grid gap-[3px]" style={{ gridTemplateColumns: `repeat(${weeks.length}, minmax(0, 1fr))` }}>
        {weeks.map((week, at) => {
          const first = week[0]?.date ?? ''
          // The name of a month is above its first whole week, unless that column is too close to the edge.
          const isNamed = first.slice(8) <= '07' && at < weeks.length - 2
          return (
            <div key={first} className="min-w-0">
              <div className="h-4 text-xs leading-4 text-muted whitespace-nowrap overflow-visible">{isNamed ? month(first) : ''}</div>
              <div className="mt-0.5 grid gap-[3px]">
                {week.map((day) => (
                  <div key={day.date} title={p.day(dateOf(day.date), day.solved)} className={`aspect-square rounded-[2px] ${LEVELS[levelOf(day.solved)]}`} />
                ))}
              </div>
            </div>
          )
        })}
      </div>
      <div aria-hidden className="mt-2 flex items-center justify-end gap-1 text-xs text-muted">
        {p.less}
        {LEVELS.map((colour) => (
          <span key={colour} className={`size-2.5 rounded-[2px] ${colour}`} />
        ))}
        {p.more}
      </div>
    </figure>
  )
}
