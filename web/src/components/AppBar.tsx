// The bar at the top: mark, pages, search, theme, language, account.
import { Menu } from '@base-ui/react/menu'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { Link, useNavigate } from '@tanstack/react-router'
import { CircleUser, Keyboard, Monitor, Moon, Search, Sun } from 'lucide-react'
import { addressOf, api, dataOf } from '../api/client'
import { sessionQuery } from '../api/queries'
import { useHere } from '../hooks/useHere'
import { CATALOGUES, useLanguage, type LanguageTag } from '../i18n/messages'
import { buttonClass } from '../ui/Button'
import { MENU_GROUP, MENU_ITEM, MenuPopup } from '../ui/MenuPopup'
import { PALETTE_KEYS } from '../util/keys'
import { setTheme, useTheme, type Theme } from '../util/theme'

export function AppBar({ onShortcuts, onPalette }: { onShortcuts: () => void; onPalette: () => void }) {
  const { messages: m } = useLanguage()
  const session = useQuery(sessionQuery)
  const here = useHere()
  const then = /^\/(problems|contests|playground|account|admin|p\/)/.test(here) ? { then: here } : {}
  const user = session.data?.user
  return (
    <header className="h-12 shrink-0 flex items-center gap-1 max-sm:gap-0 px-3 max-[340px]:px-1 sm:px-4 border-b border-border bg-surface">
      <Link to="/problems" className="flex items-center gap-2 pr-2 max-sm:pr-1 font-semibold text-lg">
        <Mark />
        <span className="max-sm:sr-only">Cupel</span>
      </Link>
      <nav className="flex items-center gap-1 max-sm:gap-0 grow">
        <Link
          to="/problems"
          className="px-2.5 h-8 inline-flex items-center rounded-md text-muted hover:text-text hover:bg-raised data-[status=active]:text-text data-[status=active]:font-medium max-sm:hidden"
        >
          {m.menu.problems}
        </Link>
        <Link
          to="/playground"
          className="px-2.5 h-8 inline-flex items-center rounded-md text-muted hover:text-text hover:bg-raised data-[status=active]:text-text data-[status=active]:font-medium pointer-coarse:min-h-11 max-sm:px-1.5"
        >
          {m.menu.playground}
        </Link>
        <Link
          to="/contests"
          className="px-2.5 h-8 pointer-coarse:min-h-11 inline-flex items-center rounded-md text-muted hover:text-text hover:bg-raised data-[status=active]:text-text data-[status=active]:font-medium max-sm:px-1.5"
        >
          {m.menu.contests}
        </Link>
        <a
          href={addressOf('/docs/')}
          className="px-2.5 h-8 inline-flex items-center rounded-md text-muted hover:text-text hover:bg-raised max-sm:hidden"
        >
          {m.menu.api}
        </a>
      </nav>
      <button type="button" onClick={onPalette} aria-label={`${m.menu.palette}, ${PALETTE_KEYS.join(' ')}`} aria-keyshortcuts="Control+K Meta+K" className={`${buttonClass('quiet')} px-2`}>
        <Search aria-hidden size={16} strokeWidth={1.5} />
        <kbd aria-hidden className="px-1.5 rounded-sm border border-border text-xs leading-5 text-muted max-md:hidden">
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
          <Link to="/sign-in" search={then} className={buttonClass('plain')}>
            {m.menu.signIn}
          </Link>
        </>
      )}
    </header>
  )
}

function Mark() {
  return (
    <svg aria-hidden viewBox="0 0 24 24" width="22" height="22" fill="none" strokeWidth="2" strokeLinecap="round" strokeLinejoin="round">
      <path d="M3 8h18l-2.4 9.2A3 3 0 0 1 15.7 19.5H8.3a3 3 0 0 1-2.9-2.3z" className="stroke-accent-text" />
      <circle cx="12" cy="11.5" r="3.2" className="fill-accent" />
    </svg>
  )
}

const THEMES: { theme: Theme; Icon: typeof Sun }[] = [
  { theme: 'system', Icon: Monitor },
  { theme: 'light', Icon: Sun },
  { theme: 'dark', Icon: Moon },
]

function Preferences({ onShortcuts }: { onShortcuts: () => void }) {
  const { messages: m, tag, change } = useLanguage()
  const theme = useTheme()
  const Current = THEMES.find((one) => one.theme === theme)?.Icon ?? Monitor
  return (
    <Menu.Root>
      <Menu.Trigger className={`${buttonClass('quiet')} px-2`} aria-label={`${m.theme.label}, ${m.language}`}>
        <Current aria-hidden size={16} strokeWidth={1.5} />
      </Menu.Trigger>
      <MenuPopup>
        <Menu.RadioGroup value={theme} onValueChange={(value: Theme) => setTheme(value)}>
          <div className={MENU_GROUP}>{m.theme.label}</div>
          {THEMES.map(({ theme, Icon }) => (
            <Menu.RadioItem key={theme} value={theme} className={`${MENU_ITEM} data-[checked]:font-semibold`}>
              <Icon aria-hidden size={16} strokeWidth={1.5} />
              {m.theme[theme]}
            </Menu.RadioItem>
          ))}
        </Menu.RadioGroup>
        <Menu.RadioGroup value={tag} onValueChange={(value: LanguageTag) => change(value)}>
          <div className={MENU_GROUP}>{m.language}</div>
          {(Object.keys(CATALOGUES) as LanguageTag[]).map((one) => (
            <Menu.RadioItem key={one} value={one} lang={one} className={`${MENU_ITEM} data-[checked]:font-semibold`}>
              {CATALOGUES[one].name}
            </Menu.RadioItem>
          ))}
        </Menu.RadioGroup>
        <Menu.Separator className="my-1 h-px bg-border" />
        <Menu.Item className={MENU_ITEM} onClick={onShortcuts}>
          <Keyboard aria-hidden size={16} strokeWidth={1.5} />
          {m.shortcuts.open}
        </Menu.Item>
      </MenuPopup>
    </Menu.Root>
  )
}

function Account({ name, isAdmin }: { name: string; isAdmin: boolean }) {
  const { messages: m } = useLanguage()
  const queries = useQueryClient()
  const navigate = useNavigate()
  const signOut = useMutation({
    mutationFn: () => dataOf(api.DELETE('/api/v1/session')),
    onSuccess: async () => {
      // Data of the account must not stay on the screen.
      queries.clear()
      await navigate({ to: '/problems' })
    },
  })
  return (
    <Menu.Root>
      <Menu.Trigger className={`${buttonClass('quiet')} px-2`} aria-label={`${m.menu.account}: ${name}`}>
        <CircleUser aria-hidden size={16} strokeWidth={1.5} />
        <span className="max-w-32 truncate max-sm:hidden">{name}</span>
      </Menu.Trigger>
      <MenuPopup>
        <div className="px-3 py-2 text-sm text-muted max-w-60 truncate">{name}</div>
        <Menu.Item className={MENU_ITEM} onClick={() => void navigate({ to: '/account' })}>
          {m.menu.account}
        </Menu.Item>
        {isAdmin && (
          <Menu.Item className={MENU_ITEM} onClick={() => void navigate({ to: '/admin' })}>
            {m.menu.admin}
          </Menu.Item>
        )}
        <Menu.Item className={MENU_ITEM} onClick={() => signOut.mutate()}>
          {m.menu.signOut}
        </Menu.Item>
      </MenuPopup>
    </Menu.Root>
  )
}
