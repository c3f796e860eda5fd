// The bar at the top: mark, pages, search, theme, language, account.
import { useQuery } from '@tanstack/react-query'
import { Link, useLocation } from '@tanstack/react-router'
import { CircleUser, Search, Settings } from 'lucide-react'
import { useEffect, useRef } from 'react'
import { addressOf } from '../api/client'
import { sessionQuery } from '../api/queries'
import { useHere } from '../hooks/useHere'
import { useMessages } from '../i18n/messages'
import { buttonClass } from '../ui/Button'
import { MenuButton } from '../ui/MenuButton'
import { intoView } from '../ui/tab'
import { PALETTE_KEYS } from '../util/keys'
import { lazyPart } from './LazyPart'

const loadPreferences = () => import('./PreferencesMenu')
const PreferencesMenu = lazyPart(async () => (await loadPreferences()).PreferencesMenu)

const loadAccount = () => import('./AccountMenu')
const AccountMenu = lazyPart(async () => (await loadAccount()).AccountMenu)

const loadVisitor = () => import('./VisitorMenu')
const VisitorMenu = lazyPart(async () => (await loadVisitor()).VisitorMenu)

/** Marks the link to a page that the current page belongs to, although its address does not say so. */
const CURRENT = { 'data-status': 'active', 'aria-current': 'true' } as const

export function AppBar({ onShortcuts, onPalette }: { onShortcuts: () => void; onPalette: () => void }) {
  const m = useMessages()
  const session = useQuery(sessionQuery)
  const here = useHere()
  const then = /^\/(problems|contests|playground|account|admin|p\/)/.test(here) ? { then: here } : {}
  const user = session.data?.user
  // A problem of a contest belongs to the contest.
  const isInContest = useLocation({ select: ({ pathname, search }) => /^\/problems\/./.test(pathname) && 'contest' in search && search.contest !== undefined })
  const pages = useRef<HTMLElement>(null)
  useEffect(() => intoView(pages.current?.querySelector<HTMLElement>('[data-status=active]') ?? null), [here, user])
  return (
    <header className="h-(--bar) shrink-0 flex items-center gap-1 max-sm:gap-0 px-3 max-[412px]:px-1 sm:pl-4 sm:pr-[max(0px,calc(16px+100%-100vw))] border-b border-border bg-surface max-[300px]:flex-wrap">
      {/* At 400 % zoom, the links to the pages need its room. */}
      <Link to="/problems" className="flex [@media(300px<=width<340px)]:hidden items-center gap-2 pr-2 max-sm:pr-0 min-h-10 pointer-coarse:min-h-11 max-sm:min-w-10 max-sm:-ml-2.5 max-sm:-mr-1 max-sm:justify-center font-semibold text-lg shrink-0 max-[300px]:mr-auto">
        <Mark />
        <span className="max-sm:sr-only">Cupel</span>
      </Link>
      {/* In a narrow window, the links scroll sideways; in a very narrow one, they are in a line of their own. */}
      <nav ref={pages} className="scroll-tabs min-w-0 flex items-center gap-1 max-sm:gap-0 grow max-[300px]:order-last max-[300px]:basis-full">
        <Link to="/problems" activeOptions={{ exact: isInContest, includeSearch: false }} className={PAGE}>
          {m.menu.problems}
        </Link>
        <Link to="/playground" className={PAGE} {...(here.startsWith('/p/') && CURRENT)}>
          {m.menu.playground}
        </Link>
        <Link to="/contests" className={PAGE} {...(isInContest && CURRENT)}>
          {m.menu.contests}
        </Link>
        <a href={addressOf('/docs/')} className={`${PAGE} ${user == null ? 'max-sm:hidden' : 'min-[360px]:max-sm:hidden'}`}>
          {m.menu.api}
        </a>
      </nav>
      <button type="button" onClick={onPalette} aria-label={m.parts([m.menu.palette, PALETTE_KEYS.join(' ')])} aria-keyshortcuts="Control+K Meta+K" className={`${buttonClass('quiet')} px-2 shrink-0`}>
        <Search aria-hidden size={16} strokeWidth={1.5} />
        <kbd aria-hidden className="px-1.5 rounded-sm border border-border text-xs leading-5 text-muted max-md:hidden pointer-coarse:hidden">
          {PALETTE_KEYS.join(' ')}
        </kbd>
      </button>
      <Preferences onShortcuts={onShortcuts} />
      {user !== undefined && user !== null && <Account name={user.username} isAdmin={user.role === 'admin'} />}
      {session.data !== undefined && (user === null || user === undefined) && (
        <>
          <Link to="/register" search={then} className={`${buttonClass('quiet')} max-sm:hidden`}>
            {m.menu.register}
          </Link>
          <Link to="/sign-in" search={then} className={`${buttonClass('plain')} shrink-0 max-sm:hidden`}>
            {m.menu.signIn}
          </Link>
          {/* In a narrow window, the two are a menu, so that the links to the pages have room. */}
          <span className="sm:hidden">
            <Visitor then={then} />
          </span>
        </>
      )}
    </header>
  )
}

/** A link to a part of the site. */
const PAGE =
  'shrink-0 px-2.5 h-8 inline-flex items-center justify-center rounded-md text-muted hover:text-text hover:bg-raised data-[status=active]:text-text data-[status=active]:font-medium pointer-coarse:min-h-11 pointer-coarse:min-w-11 max-sm:px-1.5 max-[25.75rem]:px-0.5 max-[25.75rem]:[&:lang(en)]:text-sm'

function Mark() {
  return (
    <svg aria-hidden viewBox="0 0 24 24" width="22" height="22" fill="none" strokeWidth="2" strokeLinecap="round" strokeLinejoin="round">
      <path d="M3 8h18l-2.4 9.2A3 3 0 0 1 15.7 19.5H8.3a3 3 0 0 1-2.9-2.3z" className="stroke-accent-text" />
      <circle cx="12" cy="11.5" r="3.2" className="fill-accent" />
    </svg>
  )
}

function Preferences({ onShortcuts }: { onShortcuts: () => void }) {
  const m = useMessages()
  const label = m.parts([m.theme.label, m.language])
  return (
    <MenuButton label={label} title={label} load={loadPreferences} menu={(given) => <PreferencesMenu {...given} onShortcuts={onShortcuts} />}>
      <Settings aria-hidden size={16} strokeWidth={1.5} />
    </MenuButton>
  )
}

function Visitor({ then }: { then: { then?: string } }) {
  const m = useMessages()
  return (
    <MenuButton label={m.menu.visitor} load={loadVisitor} menu={(given) => <VisitorMenu {...given} then={then} />}>
      <CircleUser aria-hidden size={16} strokeWidth={1.5} />
    </MenuButton>
  )
}

function Account({ name, isAdmin }: { name: string; isAdmin: boolean }) {
  const m = useMessages()
  return (
    <MenuButton label={m.pair(m.menu.account, name)} load={loadAccount} menu={(given) => <AccountMenu {...given} name={name} isAdmin={isAdmin} />}>
      {/* The initial shows in a narrow window, too, that somebody is signed in. */}
      <span
        aria-hidden
        data-initial={[...name][0]?.toUpperCase()}
        className="size-5 shrink-0 inline-flex items-center justify-center rounded-full bg-accent-text text-surface text-xs font-semibold before:content-[attr(data-initial)]"
      />
      <span className="max-w-32 truncate max-sm:hidden">{name}</span>
    </MenuButton>
  )
}
