// The standings. They scroll in their own region, with the names and the person's own row always in view.
//
// Rows are grids with the roles of a table. Only the visible rows and a few around them exist
// (@tanstack/react-virtual). A row that has not changed is not rendered again. The browser's own search cannot find
// rows that do not exist, so long standings have a search field.
import type { UseQueryResult } from '@tanstack/react-query'
import { useVirtualizer } from '@tanstack/react-virtual'
import { Snowflake } from 'lucide-react'
import { memo, useDeferredValue, useEffect, useLayoutEffect, useRef, useState, type ReactNode } from 'react'
import { addressOf, type Schema } from '../api/client'
import { ROWS_MAX, type Standings } from '../api/contests'
import { useMessages, useTexts } from '../i18n/messages'
import { organizers } from '../i18n/organizers'
import { inputClass } from '../ui/Field'
import { contestTime, hasRank, points } from '../util/standings'
import { withoutOverrides } from '../util/visible'
import { ErrorBox } from './ErrorBox'
import { CellText } from './StandingsCell'

interface Props {
  contest: Schema['ContestView']
  query: UseQueryResult<Standings>
  user: string | undefined
  /** An organizer has an own note about a freeze. */
  isOrganizer?: boolean
  /** Whether `query` includes the results that a freeze hides. */
  isUnfrozen?: boolean
}

export function StandingsTable({ contest, query, user, isOrganizer = false, isUnfrozen = false }: Props) {
  const m = useMessages()
  const o = useTexts(organizers)
  // A deferred value is rendered in short tasks.
  const standings = useDeferredValue(query.data, undefined)
  if (standings === undefined) return query.error !== null ? <ErrorBox error={query.error} onRetry={() => void query.refetch()} /> : <p role="status">{m.loading}</p>
  const { rows, total } = standings
  if (contest.phase === 'upcoming') return <None title={o.joinedSoFar(total)} detail={o.standingsLater} />
  if (rows.length === 0) return <None title={o.noRows} detail={o.noRowsDetail} />
  return <Table contest={contest} standings={standings} isStale={query.error !== null} user={user} isOrganizer={isOrganizer} isUnfrozen={isUnfrozen} />
}

interface TableProps {
  contest: Schema['ContestView']
  standings: Standings
  isStale: boolean
  user: string | undefined
  isOrganizer: boolean
  isUnfrozen: boolean
}

function Table({ contest, standings, isStale, user, isOrganizer, isUnfrozen }: TableProps) {
  const m = useMessages()
  const c = m.contests
  const o = useTexts(organizers)
  const [wanted, setWanted] = useState('')
  const region = useRef<HTMLDivElement>(null)
  const { rows: all, problems, own, total } = standings
  const rows = wanted === '' ? all : all.filter(({ username }) => username.toLowerCase().includes(wanted.toLowerCase()))
  const shown = useVirtualizer({
    count: rows.length,
    getScrollElement: () => region.current,
    estimateSize: () => ROW_HEIGHT,
    getItemKey: (at) => keyOf(rows[at]!),
    overscan: ROWS_AROUND,
  })
  const ownAt = own == null ? -1 : rows.findIndex((row) => keyOf(row) === keyOf(own))
  // Whether columns are beyond the right edge, and whether the user's row is in view, so that it is not repeated.
  const [isCut, setIsCut] = useState(false)
  const [isOwnSeen, setIsOwnSeen] = useState(false)
  const noteView = () => {
    const { current } = region
    if (current === null) return
    setIsCut(current.scrollLeft + current.clientWidth < current.scrollWidth - 1)
    const place = shown.measurementsCache[ownAt]
    setIsOwnSeen(place !== undefined && place.start >= current.scrollTop - 1 && HEADER_HEIGHT + place.end <= current.scrollTop + current.clientHeight + 1)
  }
  // Each render may have moved the user's row.
  const note = useRef(noteView)
  useLayoutEffect(() => {
    note.current = noteView
    noteView()
  })
  useEffect(() => {
    if (region.current === null) return
    const sizes = new ResizeObserver(() => note.current())
    sizes.observe(region.current)
    return () => sizes.disconnect()
  }, [])
  const items = useInSteps(shown.getVirtualItems())
  const isIoi = contest.style === 'ioi'
  // With IOI scoring, only the points count, so there is no number of solved problems.
  const totals = isIoi ? 1 : 2
  const columns = {
    gridTemplateColumns: `minmax(var(--standings-first), 2fr) repeat(${totals}, minmax(var(--standings-total), 1fr)) repeat(${problems.length}, minmax(var(--standings-problem), 1fr))`,
    minWidth: `calc(var(--standings-first) + ${totals} * var(--standings-total) + ${problems.length} * var(--standings-problem))`,
  }
  const titles = new Map(contest.problems?.map((problem) => [problem.label, withoutOverrides(problem.title)]))
  return (
    <>
      <div className="mb-3 flex flex-wrap items-baseline gap-x-4 gap-y-1 text-sm text-muted">
        <span>{o.participants(total)}</span>
        <span>{o.standingsAt(contestTime(Math.min(standings.elapsed_seconds, contest.length_seconds)))}</span>
        <Csv slug={contest.slug} isUnfrozen={isUnfrozen} className="max-sm:hidden" />
        {total > ROWS_MAX && <span>{o.more(ROWS_MAX)}</span>}
        {all.length > OWN_ROW_FROM && (
          <span role="status" className={rows.length === 0 ? 'sr-only' : ''}>
            {wanted !== '' && (rows.length === 0 ? o.noneFound(wanted) : o.found(rows.length, all.length))}
          </span>
        )}
        {all.length > OWN_ROW_FROM && (
          <input
            type="search"
            aria-label={o.find}
            placeholder={o.find}
            value={wanted}
            onChange={(event) => setWanted(event.target.value)}
            className={`${inputClass} sm:ml-auto sm:max-w-48`}
          />
        )}
        {isStale && <span role="status">{o.stale}</span>}
      </div>
      {standings.frozen && !isOrganizer && (
        <p className="mb-3 p-3 flex gap-2 rounded-md bg-raised border border-border">
          <Snowflake aria-hidden size={16} strokeWidth={1.5} className="mt-0.5 shrink-0 text-compile" />
          {o.frozen}
        </p>
      )}
      <div className="relative">
        {isCut && <div aria-hidden className="absolute inset-y-0 right-0 z-30 w-6 rounded-r-md bg-linear-to-l from-(--edge) pointer-events-none" />}
        <div ref={region} onScroll={noteView} tabIndex={0} role="region" aria-label={c.views.standings} className="standings overflow-auto max-h-[max(75dvh,18rem)] border border-border rounded-md bg-surface">
          <div role="table" aria-label={withoutOverrides(contest.title)} aria-rowcount={rows.length + 1}>
            <div role="rowgroup" className="sticky top-0 z-20" style={{ minWidth: columns.minWidth }}>
              <div role="row" className="grid h-9 items-stretch bg-raised border-b border-border text-sm max-sm:text-xs font-medium" style={columns}>
                <First isHeader>
                  <span className="w-8 max-sm:w-5 shrink-0 text-right">#</span>
                  <span>{o.name}</span>
                </First>
                {!isIoi && <Head>{o.solved}</Head>}
                <Head>{isIoi ? o.score : o.penaltyColumn}</Head>
                {problems.map((label) => (
                  <Head key={label} title={titles.get(label)}>
                    {label}
                  </Head>
                ))}
              </div>
            </div>
            <div role="rowgroup" className="relative" style={{ height: shown.getTotalSize(), minWidth: columns.minWidth }}>
              {items.map(({ index, key, start }) => (
                <div key={key} ref={shown.measureElement} data-index={index} role="presentation" className="absolute inset-x-0 top-0" style={{ transform: `translateY(${start}px)` }}>
                  <Row row={rows[index]!} at={index} columns={columns.gridTemplateColumns} minWidth={columns.minWidth} isIoi={isIoi} isOwn={rows[index]!.username === user} />
                </div>
              ))}
            </div>
            {own != null && all.length > OWN_ROW_FROM && !isOwnSeen && (
              <div role="rowgroup" className="sticky bottom-0 z-20 border-t border-strong bg-own" style={{ minWidth: columns.minWidth }}>
                <Row row={own} columns={columns.gridTemplateColumns} minWidth={columns.minWidth} isIoi={isIoi} isOwn />
              </div>
            )}
          </div>
          {rows.length === 0 && (
            <p aria-hidden className="sticky left-0 px-3 py-6 text-center text-muted break-words">
              {o.noneFound(wanted)}
            </p>
          )}
        </div>
      </div>
      {/* On phones, the rows get the room above. */}
      <Csv slug={contest.slug} isUnfrozen={isUnfrozen} className="mt-2 sm:hidden text-sm" />
      <Legend isIoi={isIoi} hasVirtual={all.some(({ kind }) => kind === 'virtual')} />
    </>
  )
}

/** Height of a row in pixels before it has been measured. */
const ROW_HEIGHT = 41
/** Height of the row with the names of the columns, with its border. */
const HEADER_HEIGHT = 36
/** Number of rows that exist above and below the visible rows. */
const ROWS_AROUND = 10

/** Number of rows that each frame adds. To render all rows at once would be a long task. */
const ROWS_PER_STEP = 5

/** Returns none of the items at first, then more with each frame, until all are returned. */
function useInSteps<T>(items: T[]): T[] {
  const [most, setMost] = useState(0)
  const isPartial = most < items.length
  useEffect(() => {
    if (!isPartial) return
    const frame = requestAnimationFrame(() => setMost(most + ROWS_PER_STEP))
    return () => cancelAnimationFrame(frame)
  }, [isPartial, most])
  return isPartial ? items.slice(0, most) : items
}

/** A cell of figures, or the head of their column. */
const FIGURE = 'flex items-center justify-end px-2 max-sm:px-1 last:pr-2.5'

/** Shown instead of a rank. */
const NO_RANK = '—'

const keyOf = (row: Schema['RowView']): string => `${row.kind}/${row.username}`

/**
 * Standings with at most this many rows are completely visible, so they need no search field, and the user's own row is
 * not repeated below them.
 */
const OWN_ROW_FROM = 12

function None({ title, detail }: { title: string; detail: string }) {
  return (
    <div className="py-10 text-center">
      <p className="font-semibold">{title}</p>
      <p className="mt-1 text-muted">{detail}</p>
    </div>
  )
}

function First({ children, isHeader = false, isOwn = false }: { children: ReactNode; isHeader?: boolean; isOwn?: boolean }) {
  return (
    <div
      role={isHeader ? 'columnheader' : 'rowheader'}
      className={`sticky left-0 z-10 min-w-0 flex items-center gap-2 max-sm:gap-1.5 px-2 max-sm:px-1.5 border-r border-border ${isHeader ? 'bg-raised' : isOwn ? 'bg-own shadow-[inset_2px_0_0_var(--accent)]' : 'bg-surface'}`}
    >
      {children}
    </div>
  )
}

function Head({ children, title }: { children: ReactNode; title?: string | undefined }) {
  return (
    <div role="columnheader" title={title} className={FIGURE}>
      {children}
    </div>
  )
}

interface RowProps {
  row: Schema['RowView']
  /** Position among the rows that match the search, from 0; the header is the first row. */
  at?: number
  columns: string
  minWidth: string
  isIoi: boolean
  isOwn: boolean
}

const Row = memo(function Row({ row, at, columns, minWidth, isIoi, isOwn }: RowProps) {
  const o = useTexts(organizers)
  const isRanked = hasRank(row)
  return (
    <div role="row" aria-rowindex={at === undefined ? undefined : at + 2} data-own={isOwn} className={`grid min-h-10 items-stretch border-border ${at === undefined || at === 0 ? '' : 'border-t'} ${isOwn ? 'bg-own font-medium' : ''}`} style={{ gridTemplateColumns: columns, minWidth }}>
      <First isOwn={isOwn}>
        <span className="figure w-8 max-sm:w-5 shrink-0 text-right text-muted" title={isRanked ? undefined : o.noRank}>
          {isRanked ? row.rank : <span aria-hidden>{NO_RANK}</span>}
          {!isRanked && <span className="sr-only">{o.noRank}</span>}
        </span>
        {/* The whole name is shown, because phones do not show the `title` of an element. */}
        <span className="min-w-0 py-1 flex flex-wrap items-baseline gap-x-2 leading-[1.15]">
          <span className="min-w-0 wrap-anywhere">{row.username}</span>
          {isOwn && <span className="text-xs text-muted max-sm:sr-only">{o.you}</span>}
          {row.kind === 'virtual' && <span className="text-xs text-muted">{o.isVirtual}</span>}
        </span>
      </First>
      {!isIoi && (
        <div role="cell" className={`${FIGURE} figure font-semibold`}>
          {row.solved}
        </div>
      )}
      <div role="cell" className={`${FIGURE} figure`}>
        {isIoi ? points(row.score ?? 0) : row.penalty_minutes}
      </div>
      {row.problems.map((cell, at) => (
        <div key={at} role="cell" className={FIGURE}>
          <CellText cell={cell} />
        </div>
      ))}
    </div>
  )
})

function Csv({ slug, isUnfrozen, className }: { slug: string; isUnfrozen: boolean; className: string }) {
  const o = useTexts(organizers)
  return (
    <a href={addressOf(`/api/v1/contests/${encodeURIComponent(slug)}/standings?format=csv${isUnfrozen ? '&unfrozen=true' : ''}`)} className={`inline-flex items-center pointer-coarse:min-h-11 text-accent-text underline ${className}`}>
      {o.csv}
    </a>
  )
}

function Legend({ isIoi, hasVirtual }: { isIoi: boolean; hasVirtual: boolean }) {
  const o = useTexts(organizers)
  const { legend } = o
  const signs: [string, string, string][] = isIoi
    ? [['55', 'text-accepted font-semibold', o.points]]
    : [
        ['+2', 'text-accepted font-semibold', legend.solved],
        ['−3', 'text-wrong', legend.rejected],
        ['★', 'text-accepted', legend.first],
      ]
  signs.push(['?1', 'text-compile font-semibold', legend.pending])
  if (hasVirtual) signs.push([NO_RANK, '', legend.noRank])
  return (
    <ul className="mt-3 flex flex-wrap gap-x-5 gap-y-1 text-sm text-muted">
      {signs.map(([sign, colour, text]) => (
        <li key={sign}>
          <span className={`figure ${colour}`}>{sign}</span> {text}
        </li>
      ))}
    </ul>
  )
}
