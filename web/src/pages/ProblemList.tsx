// The list of problems. Its filters are in the URL. Single keys (`util/keys.ts`) move the focus to the search, to the filters and
// in the list, and Enter opens a problem.
import { useQuery } from '@tanstack/react-query'
import { Link, useNavigate } from '@tanstack/react-router'
import { Check, CircleDot, Circle, Search } from 'lucide-react'
import { useDeferredValue, useEffect, useRef, useState, useSyncExternalStore } from 'react'
import type { Schema } from '../api/client'
import { problemsQuery, sessionQuery } from '../api/queries'
import { DifficultyWord } from '../components/DifficultyWord'
import { ErrorBox } from '../components/ErrorBox'
import { TagPicker } from '../components/TagPicker'
import { list } from '../i18n/list'
import { useLanguage, useMessages, useTexts } from '../i18n/messages'
import { problems } from '../routes'
import { Button, buttonClass } from '../ui/Button'
import { inputClass } from '../ui/Field'
import { Select } from '../ui/Select'
import { Offline } from '../ui/Skeleton'
import { count, percent } from '../util/format'
import { actionOf, areOff, CHARACTERS, charactersOf } from '../util/keys'
import { listSearch, tagsOf, type ListSearch } from '../util/search'
import { SentTexts } from '../util/sent-texts'
import { chosen } from '../util/storage'
import { withoutOverrides } from '../util/visible'
import { subscribeToChoices } from '../hooks/useChoice'
import { useHere } from '../hooks/useHere'
import { useIsOnline } from '../hooks/useIsOnline'
import { useKeptFocus } from '../hooks/useKeptFocus'
import { useLastPage } from '../hooks/useLastPage'
import { useMedia } from '../hooks/useMedia'
import { useTitle } from '../hooks/useTitle'

/** Pause in typing after which a search starts. */
const TYPED_MS = 200

/** The character that leads to the search; nothing if single-key shortcuts are off. */
const searchKey = () => (areOff() ? '' : charactersOf(chosen(CHARACTERS))[0])

export function ProblemList() {
  const m = useMessages()
  const l = useTexts(list)
  const search = problems.useSearch()
  const navigate = useNavigate()
  const here = useHere()
  const rowList = useRef<HTMLOListElement>(null)
  const box = useRef<HTMLInputElement>(null)
  const filters = useRef<HTMLDivElement>(null)
  // A user who returns from a problem after an hour finds the list where it was.
  const found = useQuery({ ...problemsQuery({ ...search, ...(search.q !== undefined && { q: m.tagNamed(search.q) }) }), gcTime: Infinity })
  const session = useQuery(sessionQuery)
  useTitle(m.list.title)
  /** The search whose first problem gets the focus when it is shown. */
  const [wanted, setWanted] = useState<string>()
  // Each filter is a step of the history. While the user types, only the first letter is.
  const go = (change: Partial<Record<keyof ListSearch, unknown>>) => {
    // On a slow device, the URL may have a text that is not drawn yet.
    const replace = 'q' in change && change.q !== '' && /[?&]q=/.test(location.search)
    void navigate({ to: '/problems', search: (before) => listSearch({ ...before, page: undefined, ...change }), replace, resetScroll: 'page' in change })
  }

  useEffect(() => {
    const key = (event: KeyboardEvent) => {
      const focused = document.activeElement
      // The filters need the other keys. Escape leaves them.
      if (event.key === 'Escape' && !event.defaultPrevented && focused instanceof HTMLElement && focused !== box.current && filters.current?.contains(focused) === true) focused.blur()
      const action = actionOf(event)
      if (action === 'search') {
        event.preventDefault()
        box.current?.focus()
        box.current?.select()
      }
      if (action === 'filters') {
        event.preventDefault()
        filters.current?.querySelector<HTMLElement>('select, [role=combobox]')?.focus()
      }
      if (action !== 'next' && action !== 'previous') return
      const step = action === 'next' ? 1 : -1
      const rows = [...(rowList.current?.querySelectorAll<HTMLAnchorElement>('a[data-row]') ?? [])]
      const at = rows.findIndex((row) => row === document.activeElement)
      const next = at < 0 ? (step > 0 ? 0 : rows.length - 1) : Math.min(rows.length - 1, Math.max(0, at + step))
      rows[next]?.focus()
    }
    addEventListener('keydown', key)
    return () => removeEventListener('keydown', key)
  }, [])

  const isOnline = useIsOnline()
  // A deferred value is rendered in short tasks.
  const data = useDeferredValue(found.data, undefined)
  const isAfterLast = useLastPage(found, (page) => void navigate({ to: '/problems', search: (before) => listSearch({ ...before, page }), replace: true }))
  const page = isAfterLast ? undefined : data
  const pages = page === undefined ? 1 : Math.max(1, Math.ceil(page.pagination.total / page.pagination.limit))
  useEffect(() => {
    if (wanted === undefined || wanted !== (search.q ?? '') || found.isPlaceholderData || page !== found.data) return
    setWanted(undefined)
    rowList.current?.querySelector<HTMLElement>('a[data-row]')?.focus()
  }, [wanted, search.q, found.isPlaceholderData, found.data, page])
  const isVisitor = session.data !== undefined && session.data.user == null
  const needsSignIn = isVisitor && search.state !== undefined
  const filtered = Object.keys(search).filter((name) => name !== 'sort' && name !== 'page').length
  const isFiltered = filtered > 0
  // The buttons that remove a tag or all filters disappear.
  const place = useKeptFocus(filtered + tagsOf(search).length)
  return (
    <div ref={place} tabIndex={-1} className="outline-none w-full max-w-5xl mx-auto px-3 sm:px-4 py-5 sm:py-8">
      <div className="flex flex-wrap items-baseline justify-between gap-x-4">
        <h1 className="text-2xl font-semibold tracking-tight">{m.list.title}</h1>
        {page !== undefined && (
          <p aria-live="polite" className="text-muted text-sm">
            {m.list.count(page.problems.length, page.pagination.total)}
          </p>
        )}
      </div>
      {isVisitor && <p className="mt-1 text-muted">{session.data?.guests_allowed === true ? l.intro.guest : l.intro.other}</p>}
      <Filters search={search} go={go} box={box} place={filters} onList={setWanted} hasStates={!isVisitor || search.state !== undefined} />
      {found.error !== null && <ErrorBox error={found.error} onRetry={() => void found.refetch()} />}
      {page !== undefined && page.problems.length > 0 && (
        <>
          <div aria-hidden className={`${ROW} h-8 text-xs text-muted border-b border-border max-md:hidden`}>
            <span />
            <span>{m.list.columns.title}</span>
            <span>{m.list.columns.difficulty}</span>
            <span className="text-right" title={m.list.acceptanceHint}>
              {m.list.columns.acceptance}
            </span>
            <span className="text-right">{m.list.columns.solvedBy}</span>
          </div>
          <ol ref={rowList} aria-busy={found.isPlaceholderData} className={found.isPlaceholderData ? 'opacity-60' : ''}>
            {page.problems.map((problem) => (
              <Row key={problem.slug} problem={problem} />
            ))}
          </ol>
        </>
      )}
      {page !== undefined && page.problems.length === 0 && (
        <div className="py-16 text-center">
          <p className="text-lg font-semibold">{needsSignIn ? l.signIn : isFiltered ? m.list.none : m.list.empty}</p>
          <p className="mt-1 text-muted">{needsSignIn ? l.signInDetail : isFiltered ? m.list.noneDetail : m.list.emptyDetail}</p>
          {isFiltered && (
            <p className="mt-4 flex flex-wrap justify-center gap-2">
              {needsSignIn && (
                <Link to="/sign-in" search={{ then: here }} className={buttonClass('primary')}>
                  {m.menu.signIn}
                </Link>
              )}
              <Button onClick={() => void navigate({ to: '/problems', search: {} })}>{m.list.clear}</Button>
            </p>
          )}
        </div>
      )}
      {page === undefined && found.error === null && (isOnline ? <Skeleton /> : <Offline />)}
      {pages > 1 && (
        <nav className="mt-4 flex items-center justify-between gap-3">
          <Button disabled={(search.page ?? 1) <= 1} onClick={() => go({ page: (search.page ?? 1) - 1 })}>
            {m.list.previous}
          </Button>
          <span className="text-muted">{m.list.page(search.page ?? 1, pages)}</span>
          <Button disabled={(search.page ?? 1) >= pages} onClick={() => go({ page: (search.page ?? 1) + 1 })}>
            {m.list.next}
          </Button>
        </nav>
      )}
    </div>
  )
}

const ROW = 'grid grid-cols-[20px_1fr_auto] md:grid-cols-[20px_1fr_90px_90px_90px] items-center gap-x-3 px-2'

interface FiltersProps {
  search: ListSearch
  go: (change: Partial<Record<keyof ListSearch, unknown>>) => void
  box: React.RefObject<HTMLInputElement | null>
  place: React.RefObject<HTMLDivElement | null>
  /** Leads from the search field to the first problem that matches. */
  onList: (q: string) => void
  /** Whether problems can be chosen by the user's own state. */
  hasStates: boolean
}

function Filters({ search, go, box, place, onList, hasStates }: FiltersProps) {
  const m = useMessages()
  const l = useTexts(list)
  const tags = tagsOf(search)
  const hasKeys = useMedia('(pointer: fine)')
  const key = useSyncExternalStore(subscribeToChoices, searchKey)
  const chooseTags = (tags: string[]) => go({ tag: tags.join(',') })
  const [typed, setTyped] = useState(search.q ?? '')
  const waiting = useRef<ReturnType<typeof setTimeout>>(undefined)
  const [sent] = useState(() => new SentTexts())
  const shown = useRef(search.q)
  useEffect(() => {
    if (shown.current === search.q) return
    shown.current = search.q
    const q = search.q ?? ''
    if (sent.takes(q)) return
    // The URL has changed without typing: back, or "Clear filters".
    clearTimeout(waiting.current)
    setTyped(q)
  }, [search.q])
  useEffect(() => () => clearTimeout(waiting.current), [])
  const send = (q: string) => {
    if (q === (shown.current ?? '') && !sent.isWaiting) return
    sent.add(q)
    go({ q })
  }
  const type = (text: string) => {
    setTyped(text)
    clearTimeout(waiting.current)
    // While another page is loaded, the list is still shown, but the URL is that page's.
    waiting.current = setTimeout(() => /\/problems\/?$/i.test(location.pathname) && send(text.trim()), TYPED_MS)
  }
  const { difficulties, states, sorts } = m.list
  const options = <T extends string>(texts: Record<T, string>, any?: string) => [
    ...(any === undefined ? [] : [{ value: '' as T | '', text: any }]),
    ...(Object.entries(texts) as [T, string][]).map(([value, text]) => ({ value: value as T | '', text })),
  ]
  return (
    <div ref={place} role="group" aria-label={l.filters} className="my-4 grid grid-cols-[minmax(0,auto)_minmax(0,1fr)] max-[18.75rem]:flex max-[18.75rem]:flex-col sm:flex sm:flex-wrap gap-2">
      <div className="relative col-span-2 sm:grow">
        <Search aria-hidden size={16} strokeWidth={1.5} className="absolute left-2.5 top-1/2 -translate-y-1/2 text-muted" />
        <input
          ref={box}
          type="search"
          aria-label={m.list.search}
          placeholder={hasKeys ? `${m.list.search}  ${key}` : m.list.search}
          value={typed}
          maxLength={100}
          onChange={(event) => type(event.target.value)}
          onKeyDown={(event) => {
            if (event.key === 'Escape' && !event.nativeEvent.isComposing) {
              // The text stays, and the keys of the list work again.
              event.preventDefault()
              event.currentTarget.blur()
            }
            if ((event.key !== 'Enter' && event.key !== 'ArrowDown') || event.nativeEvent.isComposing) return
            event.preventDefault()
            clearTimeout(waiting.current)
            const q = typed.trim()
            send(q)
            onList(q)
          }}
          className={`${inputClass} pl-8`}
        />
      </div>
      <Select label={m.list.difficulty} value={search.difficulty ?? ''} options={options(difficulties, m.list.anyDifficulty)} onChange={(difficulty) => go({ difficulty })} />
      {hasStates && <Select label={m.list.state} value={search.state ?? ''} options={options(states, m.list.anyState)} onChange={(state) => go({ state })} />}
      <TagPicker search={search} onChange={chooseTags} className="sm:min-w-32 pointer-coarse:text-lg" />
      <Select label={m.list.sort} value={search.sort ?? 'title'} options={options(sorts).map(({ value, text }) => ({ value, text: m.pair(m.list.sort, text) }))} onChange={(sort) => go({ sort: sort === 'title' ? undefined : sort })} />
      {tags.length > 0 && (
        <ul aria-label={l.tags} className="col-span-2 sm:basis-full flex flex-wrap gap-1">
          {tags.map((tag) => (
            <li key={tag} className="min-w-0">
              <Button onClick={() => chooseTags(tags.filter((one) => one !== tag))} aria-label={l.remove(m.tag(tag))} className="max-w-full">
                <span className="truncate">{m.tag(tag)}</span> <span aria-hidden>×</span>
              </Button>
            </li>
          ))}
        </ul>
      )}
    </div>
  )
}

type Line = Schema['ProblemLineView']

function Row({ problem }: { problem: Line }) {
  const { messages: m, tag } = useLanguage()
  const { statistics, difficulty } = problem
  const share = statistics && percent(statistics.accepted, statistics.submissions)
  return (
    <li className="relative border-b border-border hover:bg-raised">
      <div className={`${ROW} min-h-9 pointer-coarse:min-h-11 py-1.5`}>
        <StateGlyph line={problem} />
        <div className="min-w-0 flex flex-wrap items-baseline gap-x-3 gap-y-0.5">
          <Link
            to="/problems/$slug"
            params={{ slug: problem.slug }}
            data-row
            className="font-medium min-w-0 break-words after:absolute after:inset-0 focus-visible:outline-none focus-visible:after:outline-2 focus-visible:after:-outline-offset-2 focus-visible:after:outline-accent"
          >
            {withoutOverrides(problem.title)}
          </Link>
          {/* On touch screens, a tap on a tag opens the problem, because tags are too small to be hit. The filter has them, too. */}
          <span className="flex flex-wrap gap-x-2">
            {problem.tags.map((tag) => (
              <Link key={tag} to="/problems" search={{ tag }} className="relative z-10 text-xs leading-6 text-muted hover:text-text hover:underline pointer-coarse:pointer-events-none" title={m.pair(m.list.tag, m.tag(tag))}>
                {m.tag(tag)}
              </Link>
            ))}
          </span>
        </div>
        <span className="text-sm max-md:text-right">
          <DifficultyWord value={difficulty} />
          {share !== undefined && share !== null && (
            <span className="md:hidden block text-xs text-muted" title={m.list.acceptanceHint}>
              {m.list.accepted(share)}
            </span>
          )}
        </span>
        <span className="figure text-right max-md:hidden">{share ?? '–'}</span>
        <span className="figure text-right max-md:hidden">{statistics ? count(statistics.solved_by, tag) : '–'}</span>
      </div>
    </li>
  )
}

function StateGlyph({ line }: { line: Line }) {
  const m = useMessages()
  const state = line.standing?.state
  const [Glyph, colour, word] =
    state === 'solved'
      ? ([Check, 'text-accepted', m.list.states.solved] as const)
      : state === 'attempted'
        ? ([CircleDot, 'text-limit', m.list.states.attempted] as const)
        : ([Circle, 'text-strong', m.list.states.new] as const)
  return (
    <span title={word} className={colour}>
      <Glyph aria-hidden size={16} strokeWidth={state === undefined ? 1 : 1.75} />
      <span className="sr-only">{word}</span>
    </span>
  )
}

/** Placeholder of the list while it loads. */
function Skeleton() {
  const m = useMessages()
  return (
    <div role="status" aria-label={m.loading} className="mt-8">
      {Array.from({ length: 12 }, (_, at) => (
        <div key={at} className="h-9 pointer-coarse:h-11 border-b border-border" />
      ))}
    </div>
  )
}
