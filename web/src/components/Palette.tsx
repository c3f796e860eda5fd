// The command palette: problems by title, contests, pages, settings, and what the page itself offers, by keyboard.
//
// The focus stays in the field, and `aria-activedescendant` names the chosen line. Source: ARIA Authoring Practices, "Combobox".
import { Dialog } from '@base-ui/react/dialog'
import { useQuery } from '@tanstack/react-query'
import { useLocation, useNavigate } from '@tanstack/react-router'
import { FileText, Keyboard, Languages, ListChecks, LogOut, Monitor, Play, Send, Trophy, X, type LucideIcon } from 'lucide-react'
import { useEffect, useId, useRef, useState, type KeyboardEvent } from 'react'
import { addressOf } from '../api/client'
import { foundContestsQuery } from '../api/contest'
import { problemsQuery, sessionQuery } from '../api/queries'
import { useBackCloses } from '../hooks/useBackCloses'
import { useShownFailure, useSignOut } from '../hooks/useSignOut'
import { LANGUAGES, useLanguage, useTexts, type LanguageTag } from '../i18n/messages'
import { palette } from '../i18n/palette'
import { buttonClass } from '../ui/Button'
import { giveKeys } from '../ui/early-keys'
import { hasEditor } from '../util/editor-pages'
import { setTheme, type Theme } from '../util/theme'
import { withoutOverrides } from '../util/visible'
import { ErrorBox } from './ErrorBox'
import { SignOutFailed } from './SignOutFailed'

interface Line {
  id: string
  group: 'here' | 'pages' | 'problems' | 'contests' | 'commands'
  text: string
  Icon: LucideIcon
  act: () => void
}

/** Maximum number of problems shown. */
const SHOWN_MAX = 8

/** Pause in typing after which the query is sent. */
const TYPED_MS = 120

/** Titles that begin with the text come first, then those with a word that begins with it. Others match by a tag. */
const rankOf = (title: string, typed: string): number => {
  const at = ` ${title.toLocaleLowerCase()}`.indexOf(` ${typed}`)
  return at < 0 ? 2 : Math.min(at, 1)
}

const matches = (text: string, words: string[]): boolean => words.every((word) => text.toLocaleLowerCase().includes(word))

function useSettled(value: string): string {
  const [settled, setSettled] = useState(value)
  useEffect(() => {
    const timer = setTimeout(() => setSettled(value), TYPED_MS)
    return () => clearTimeout(timer)
  }, [value])
  return settled
}

export function Palette({ open, onChange, onShortcuts }: { open: boolean; onChange: (open: boolean) => void; onShortcuts: () => void }) {
  const p = useTexts(palette)
  const leave = useBackCloses(open, () => onChange(false))
  // Here, because the search ends when the palette is closed.
  const signOut = useSignOut(leave)
  useShownFailure(open, onChange, signOut)
  return (
    <Dialog.Root open={open} onOpenChange={onChange}>
      <Dialog.Portal>
        <Dialog.Backdrop className="backdrop" />
        <Dialog.Popup className="fixed z-50 left-1/2 top-[max(16px,12dvh)] -translate-x-1/2 w-[min(560px,calc(100vw-24px))] max-h-[min(480px,calc(88dvh-16px))] flex flex-col rounded-lg bg-surface border border-border shadow-lg overflow-hidden">
          <Dialog.Title className="sr-only">{p.title}</Dialog.Title>
          <Search close={() => onChange(false)} leave={leave} onShortcuts={onShortcuts} signOut={signOut} />
        </Dialog.Popup>
      </Dialog.Portal>
    </Dialog.Root>
  )
}

interface SearchProps {
  close: () => void
  /** Closes the palette, and then acts. */
  leave: (act: () => void) => void
  onShortcuts: () => void
  signOut: ReturnType<typeof useSignOut>
}

function Search({ close, leave, onShortcuts, signOut }: SearchProps) {
  const { messages: m } = useLanguage()
  const p = useTexts(palette)
  const base = useId()
  const list = useRef<HTMLUListElement>(null)
  const [typed, setTyped] = useState('')
  const [chosen, setChosen] = useState(0)
  const { lines, isSearching, failed } = useLines(typed, leave, onShortcuts, () => signOut.mutate())
  const at = Math.min(chosen, lines.length - 1)
  // Enter that was pressed before the server has answered opens the first line of the answer.
  const [wantsFirst, setWantsFirst] = useState(false)
  useEffect(() => {
    if (!wantsFirst || isSearching) return
    setWantsFirst(false)
    lines[0]?.act()
  })
  const choose = (next: number) => {
    setChosen(next)
    list.current?.querySelectorAll('[role=option]')[next]?.scrollIntoView({ block: 'nearest' })
  }
  const key = (event: KeyboardEvent) => {
    if (event.nativeEvent.isComposing) return
    if (event.key === 'Enter' && isSearching) return setWantsFirst(true)
    if (lines.length === 0) return
    const next = { ArrowDown: (at + 1) % lines.length, ArrowUp: (at - 1 + lines.length) % lines.length, PageDown: lines.length - 1, PageUp: 0 }[event.key]
    if (next !== undefined) {
      event.preventDefault()
      choose(next)
    } else if (event.key === 'Enter') {
      event.preventDefault()
      lines[at]?.act()
    }
  }
  const groups = (['problems', 'contests', 'here', 'pages', 'commands'] as const).filter((group) => lines.some((line) => line.group === group))
  const optionId = (line: Line) => `${base}-${line.id}`
  return (
    <>
      <div className="shrink-0 flex items-center pr-2 border-b border-border">
      <input
        role="combobox"
        aria-expanded
        aria-controls={`${base}-list`}
        aria-autocomplete="list"
        aria-label={p.placeholder}
        {...(lines[at] !== undefined && { 'aria-activedescendant': optionId(lines[at]) })}
        placeholder={p.placeholder}
        value={typed}
        maxLength={100}
        autoComplete="off"
        spellCheck={false}
        onChange={(event) => {
          setTyped(event.target.value)
          setChosen(0)
          setWantsFirst(false)
        }}
        onKeyDown={key}
        onFocus={giveKeys}
        className="grow min-w-0 h-12 px-4 bg-surface text-lg placeholder:text-muted focus-visible:outline-none"
      />
      <button type="button" onClick={close} aria-label={m.close} title={m.close} className={`${buttonClass('quiet')} px-2`}>
        <X aria-hidden size={16} strokeWidth={1.5} />
      </button>
      </div>
      <ul ref={list} id={`${base}-list`} role="listbox" aria-label={p.title} className="min-h-0 overflow-y-auto p-1">
        {groups.map((group) => (
          <li key={group} role="presentation">
            <ul role="group" aria-labelledby={`${base}-${group}`}>
              <li role="presentation" id={`${base}-${group}`} className="px-3 pt-2 pb-1 text-xs text-muted">
                {p.groups[group]}
              </li>
              {lines.map(
                (line, index) =>
                  line.group === group && (
                    <li
                      key={line.id}
                      id={optionId(line)}
                      role="option"
                      aria-selected={index === at}
                      onPointerMove={() => index !== at && setChosen(index)}
                      onClick={line.act}
                      className={`flex items-center gap-2.5 px-3 min-h-9 pointer-coarse:min-h-11 rounded-sm cursor-default ${index === at ? 'bg-raised shadow-[inset_2px_0_0_var(--accent)]' : ''}`}
                    >
                      <line.Icon aria-hidden size={16} strokeWidth={1.5} className="shrink-0 text-muted" />
                      <span className="min-w-0 truncate" title={line.text}>
                        {line.text}
                      </span>
                    </li>
                  ),
              )}
            </ul>
          </li>
        ))}
      </ul>
      {lines.length === 0 && !isSearching && failed.length === 0 && (
        <div className="px-4 pb-4 pt-2 text-center">
          <p className="font-semibold">{p.none}</p>
          <p className="text-muted">{p.noneDetail}</p>
        </div>
      )}
      {failed.length > 0 && (
        <div className="shrink-0 px-2 py-2">
          <ErrorBox isCompact error={failed[0]?.error} what={p.failed} onRetry={() => failed.forEach((one) => void one.refetch())} />
        </div>
      )}
      {signOut.error !== null && (
        <div className="shrink-0 px-2 py-2">
          <SignOutFailed error={signOut.error} />
        </div>
      )}
      <p className="shrink-0 px-4 py-2 border-t border-border text-xs text-muted pointer-coarse:hidden">{p.keys}</p>
      <p role="status" className="sr-only">
        {isSearching ? p.searching : p.found(lines.length)}
      </p>
    </>
  )
}

function useLines(typed: string, leave: SearchProps['leave'], onShortcuts: () => void, signOut: () => void) {
  const { messages: m, change } = useLanguage()
  const p = useTexts(palette)
  const navigate = useNavigate()
  const session = useQuery(sessionQuery)
  const pathname = useLocation({ select: ({ pathname }) => pathname })
  const words = typed.trim().toLocaleLowerCase().split(/\s+/).filter(Boolean)
  const asks = words.length > 0
  const q = useSettled(typed.trim())
  const problems = useQuery({ ...problemsQuery({ q }), enabled: q !== '' })
  const contests = useQuery({ ...foundContestsQuery(q), enabled: q !== '' })
  const then = (act: () => void) => () => leave(act)
  const user = session.data?.user
  const page = (id: string, text: string, act: () => void): Line => ({ id, group: 'pages', text, Icon: FileText, act: then(act) })
  // The page handles the key as if the user had pressed it there.
  const press = (key: string) => then(() => dispatchEvent(new KeyboardEvent('keydown', { key, ctrlKey: true })))
  const here: Line[] = hasEditor(pathname)
    ? [
        { id: 'run', group: 'here', text: m.run.run, Icon: Play, act: press("'") },
        ...(pathname.startsWith('/problems/') ? [{ id: 'submit', group: 'here', text: m.run.submit, Icon: Send, act: press('Enter') } as const] : []),
      ]
    : []
  const pages: Line[] = [
    page('problems', m.menu.problems, () => void navigate({ to: '/problems' })),
    page('playground', m.menu.playground, () => void navigate({ to: '/playground' })),
    page('contests', m.menu.contests, () => void navigate({ to: '/contests' })),
    ...(user != null
      ? [
          page('account', m.menu.account, () => void navigate({ to: '/account' })),
          page('submissions', m.submissions.title, () => void navigate({ to: '/account', search: { view: 'submissions' } })),
          page('programs', p.programs, () => void navigate({ to: '/account', search: { view: 'programs' } })),
          page('security', p.security, () => void navigate({ to: '/account', search: { view: 'security' } })),
          page('keys', p.apiKeys, () => void navigate({ to: '/account', search: { view: 'keys' } })),
          ...(user.role === 'admin' ? [page('admin', m.menu.admin, () => void navigate({ to: '/admin' }))] : []),
        ]
      : [page('sign-in', m.menu.signIn, () => void navigate({ to: '/sign-in' })), page('register', m.menu.register, () => void navigate({ to: '/register' }))]),
    page('api', m.menu.api, () => location.assign(addressOf('/docs/'))),
  ]
  const commands: Line[] = [
    ...(['system', 'light', 'dark'] as const).map((theme: Theme): Line => ({ id: `theme-${theme}`, group: 'commands', text: p.theme(m.theme[theme]), Icon: Monitor, act: then(() => setTheme(theme)) })),
    ...(Object.keys(LANGUAGES) as LanguageTag[]).map((tag): Line => ({ id: `language-${tag}`, group: 'commands', text: p.language(LANGUAGES[tag]), Icon: Languages, act: then(() => change(tag)) })),
    ...(user != null ? [{ id: 'sign-out', group: 'commands', text: m.menu.signOut, Icon: LogOut, act: signOut } as const] : []),
    { id: 'shortcuts', group: 'commands', text: m.shortcuts.open, Icon: Keyboard, act: then(onShortcuts) },
  ]
  // Results of an earlier query are shown only if they also match the current text.
  const found = asks ? (problems.data?.problems ?? []) : []
  const lines: Line[] = [
    ...found
      .filter((problem) => matches([problem.title, problem.slug, ...problem.tags].join(' '), words))
      .sort((a, b) => rankOf(a.title, words.join(' ')) - rankOf(b.title, words.join(' ')))
      .slice(0, SHOWN_MAX)
      .map((problem): Line => ({ id: `problem-${problem.slug}`, group: 'problems', text: withoutOverrides(problem.title), Icon: ListChecks, act: then(() => void navigate({ to: '/problems/$slug', params: { slug: problem.slug } })) })),
    ...(asks ? (contests.data?.contests ?? []) : [])
      .filter((contest) => matches(`${contest.title} ${contest.slug}`, words))
      .map((contest): Line => ({ id: `contest-${contest.slug}`, group: 'contests', text: withoutOverrides(contest.title), Icon: Trophy, act: then(() => void navigate({ to: '/contests/$slug', params: { slug: contest.slug } })) })),
    ...here.filter((line) => matches(line.text, words)),
    ...pages.filter((line) => matches(line.text, words)),
    ...commands.filter((line) => matches(line.text, words)),
  ]
  const isSearching = asks && (q !== typed.trim() || problems.isFetching || contests.isFetching)
  const failed = asks ? [problems, contests].filter((one) => one.isError) : []
  return { lines, isSearching, failed }
}
