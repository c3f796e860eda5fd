// A problem: its statement beside the editor. Narrow windows have tabs instead.
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { Link, useNavigate } from '@tanstack/react-router'
import { useDeferredValue, useEffect, useMemo, useState } from 'react'
import { addressOf, CallError, type Schema } from '../api/client'
import { contestQuery } from '../api/contest'
import { languagesQuery, problemQuery, sessionQuery, submissionsQuery } from '../api/queries'
import { DifficultyWord } from '../components/DifficultyWord'
import { lazyPart } from '../components/LazyPart'
import { cannotRead, PageError } from '../components/PageError'
import { ProblemSkeleton, RowsSkeleton } from '../components/Skeletons'
import { Samples } from '../components/Samples'
import { Statement } from '../components/Statement'
import { Workspace } from '../components/Workspace'
import { useHasEnded } from '../hooks/useHasEnded'
import { useJudging } from '../hooks/useJudging'
import { useStoredNumber } from '../hooks/useStoredNumber'
import { useKeptFocus } from '../hooks/useKeptFocus'
import { useMedia } from '../hooks/useMedia'
import { useOwnContest } from '../hooks/useOwnContest'
import { useProgramLanguage } from '../hooks/useProgramLanguage'
import { useTitle } from '../hooks/useTitle'
import { useLanguage, useMessages } from '../i18n/messages'
import { problem as route } from '../routes'
import { Splitter } from '../ui/Splitter'
import { TabButton } from '../ui/TabButton'
import { askedFault } from '../util/asked-contest'
import { draft, keepDraft, keepLanguage, lastLanguageOf } from '../util/drafts'
import { bytes, kibibytes, milliseconds } from '../util/format'
import { languageName } from '../util/language'
import { unlisted } from '../util/language-choice'
import { orReport } from '../util/missing-script'
import type { ProblemTab } from '../util/search'
import { WIDE } from '../util/panes'
import { problemSearch } from '../util/search'
import { startOf } from '../util/skeletons'
import { withoutOverrides } from '../util/visible'
import { NotFound } from './NotFound'

const CheckAgain = lazyPart(async () => (await import('../components/CannotRun')).CheckAgain)
const Submissions = lazyPart(async () => (await import('../components/Submissions')).Submissions)
const Editorial = lazyPart(async () => (await import('../components/Editorial')).Editorial)
const InContest = lazyPart(async () => (await import('../components/InContest')).InContest)
const NoLonger = lazyPart(async () => (await import('../components/InContest')).NoLonger)
const NotInContest = lazyPart(async () => (await import('../components/InContest')).NotInContest)

export function ProblemPage() {
  const { slug } = route.useParams()
  const { tag } = useLanguage()
  const found = useQuery(problemQuery(slug, tag.slice(0, 2)))
  const languages = useQuery(languagesQuery)
  const session = useQuery(sessionQuery)
  /** The problem that has been shown. Its editor stays. */
  const [shown, setShown] = useState<string>()
  // In a new browser, the editor begins with the language of the last submission.
  const asksForLanguage = shown !== slug && session.data?.user != null && found.data?.problem.standing != null && lastLanguageOf(slug) === null
  const sent = useQuery({ ...submissionsQuery(slug), enabled: asksForLanguage })
  // When the site's language changes, the page stays until the statement is there in that language, or if it cannot be read.
  const [kept, setKept] = useState(found.data)
  if (found.data !== undefined && found.data !== kept) setKept(found.data)
  const data = found.data ?? (kept?.problem.slug === slug ? kept : undefined)
  const isReady = data !== undefined && languages.data !== undefined && session.data !== undefined && !(asksForLanguage && sent.isLoading)
  if (isReady && shown !== slug) setShown(slug)
  // A deferred value is rendered in short tasks.
  const shows = useDeferredValue(isReady, false)
  useTitle(data?.problem.title)
  if (data === undefined && found.error instanceof CallError && found.error.status === 404) return <NotFound what="problem" />
  const queries = [{ ...found, data }, languages, session]
  if (cannotRead(queries)) return <PageError queries={queries} />
  // As long as the user is not known, it is not known whose draft belongs into the editor.
  if (!shows || data === undefined || languages.data === undefined || session.data === undefined) {
    return <ProblemSkeleton />
  }
  return <Problem key={slug} problem={data} listed={languages.data.languages} user={session.data.user?.username} sent={sent.data?.submissions[0]?.language} />
}

interface ProblemProps {
  problem: Schema['ProblemView']
  /** All languages of the server. */
  listed: Schema['LanguageView'][]
  /** `undefined` for a visitor who is not signed in. */
  user: string | undefined
  /** The language of the user's last submission, if this browser knows no language of this problem. */
  sent: string | null | undefined
}

/** The server computes the standings once a second. */
const STANDINGS_OLD_MS = 1_200

type View = 'statement' | ProblemTab

function Problem({ problem, listed, user, sent }: ProblemProps) {
  const m = useMessages()
  const { slug } = problem.problem
  const { contest, submission, view: tab } = problemSearch(route.useSearch())
  const asked = useQuery({ ...contestQuery(contest ?? ''), enabled: contest !== undefined })
  const askedWrong = askedFault(asked.data, asked.error instanceof CallError ? asked.error.status : undefined, slug)
  const ownContest = useOwnContest(slug, user, contest === undefined || askedWrong !== undefined)
  const contestShown = askedWrong === undefined ? (contest ?? ownContest) : ownContest
  const isOver = useHasEnded(contestShown === contest ? asked.data : undefined)
  const queries = useQueryClient()
  const isWide = useMedia(WIDE)
  const [share, setShare] = useStoredNumber('cupel.statement-share', 44, 20, 75)
  const [chosenView, setView] = useState<View>(tab ?? 'statement')
  // The pane with the focus stays in view when the window becomes narrow.
  const [wasWide, setWasWide] = useState(isWide)
  if (wasWide !== isWide) {
    setWasWide(isWide)
    const focused = document.activeElement?.closest('[data-editor], [id*=drawer]')
    if (!isWide && focused) setView(focused.id === '' ? 'code' : 'result')
  }
  // The server says that a problem of a running contest has no editorial.
  const view = chosenView === 'editorial' && !problem.has_editorial ? 'statement' : chosenView
  const [showsEditorial, setShowsEditorial] = useState(false)
  const { language: chosen, languages, cannotRun, choose } = useProgramLanguage(user, slug, listed, problem.limits.languages, sent)
  const language = chosen?.language_id
  // Number of times that a draft was replaced from outside the editor.
  const [loads, setLoads] = useState(0)
  /** "Load" disappears with the result. */
  const place = useKeptFocus(loads)
  /** The code that the last of them replaced. */
  const [replaced, setReplaced] = useState<{ language: string; code: string; by: string }>()
  const judge = useJudging(`${user ?? ''}/${contest ?? ''}/${slug}`, (purpose) => {
    if (purpose !== 'submission') return
    if (language !== undefined) keepLanguage(slug, language)
    void queries.invalidateQueries({ queryKey: ['submissions', slug] })
    // Once the problem is solved, its editorial is shown.
    void queries.invalidateQueries({ queryKey: ['problem', slug] })
    void queries.invalidateQueries({ queryKey: ['own', 'submissions'] })
    void queries.invalidateQueries({ queryKey: ['problems'] })
    const standings = () => void queries.invalidateQueries({ queryKey: ['standings'] })
    standings()
    // The server's standings may be older than the submission or its verdict. A busy server computes them less often.
    setTimeout(standings, STANDINGS_OLD_MS)
    setTimeout(standings, 5 * STANDINGS_OLD_MS)
  })
  const names = useMemo(() => new Map(listed.map((one) => [one.language_id, languageName(one)])), [listed])
  const navigate = useNavigate()
  const search = (submission: string | undefined, view: View) => ({ ...(contest !== undefined && { contest }), ...(submission !== undefined && { submission }), ...(view !== 'statement' && { view }) })
  /** Shows a tab at once. The URL has the tab, so that Back returns to the tab before. */
  const go = (next: View, shows: string | undefined | null = submission) => {
    setView(next)
    if (next !== (tab ?? 'statement') || (shows ?? undefined) !== submission) void navigate({ to: '/problems/$slug', params: { slug }, search: search(shows ?? undefined, next), resetScroll: false })
  }
  /** Whether the browser could not keep a text that was about to be replaced, which was then not replaced. */
  const [isFull, setIsFull] = useState(false)
  const startIn = (id: string) => startOf(problem, listed.find((one) => one.language_id === id) ?? { language_id: id })
  const load = (language: string, source: string) => {
    const code = draft({ user, slug, language })
    const isStored = keepDraft({ user, slug, language }, source, startIn(language))
    setIsFull(!isStored)
    if (!isStored) return
    choose(language)
    setReplaced(code === null || code === source || code === startIn(language) ? undefined : { language, code, by: source })
    setLoads(loads + 1)
    if (!isWide) go('code')
  }
  const play = async (input: string, program?: { language: string; source: string }) => {
    const id = program?.language ?? language
    const [like] = listed
    if (id === undefined || like === undefined) return
    // The playground keeps the code of a language that the server no longer has, and says why it cannot run.
    const to = listed.find((one) => one.language_id === id) ?? unlisted(id, like)
    const source = program?.source ?? draft({ user, slug, language: id }) ?? startIn(id)
    const loaded = await orReport(import('../util/to-play'))
    if (loaded === undefined) return
    if (loaded.toPlay(user, to, source, input)) void navigate({ to: '/playground' })
    else setIsFull(true)
  }
  const show = (id: string) => {
    judge.open(id)
    if (!isWide) setView('result')
  }
  // The URL has the opened submission.
  const open = (id: string) => {
    if (id === submission) show(id)
    else void navigate({ to: '/problems/$slug', params: { slug }, search: search(id, isWide ? view : 'result'), resetScroll: false })
  }
  // After Back, and after a reload.
  useEffect(() => setView(tab ?? 'statement'), [tab])
  useEffect(() => {
    if (submission !== undefined && user !== undefined) show(submission)
    // The browser's button Back, or the page was opened again.
    else judge.close()
  }, [submission, user])
  const begin = () => {
    if (!isWide) go('result', null)
    else if (submission !== undefined) void navigate({ to: '/problems/$slug', params: { slug }, search: search(undefined, view), replace: true, resetScroll: false })
  }
  const openedOf = judge.judging.kind === 'done' && judge.judging.result.submission_id === submission ? judge.judging.result.problem?.slug : undefined
  useEffect(() => {
    // The link names another problem than that of the submission.
    if (openedOf != null && openedOf !== slug) void navigate({ to: '/problems/$slug', params: { slug: openedOf }, search: search(submission, view), replace: true })
  }, [openedOf])
  const panel = view === 'submissions' || view === 'editorial' ? view : 'statement'
  const statement = (
    <div className="grow min-h-0 overflow-auto px-4 sm:px-6 py-5" tabIndex={0} role="tabpanel" id={`panel-${panel}`} aria-labelledby={`tab-${panel}`}>
      {panel === 'submissions' && (
        <Submissions waiting={<RowsSkeleton />} slug={slug} contest={contestShown} names={names} opened={submission} onOpen={open} />
      )}
      {panel === 'editorial' && (
        <Editorial waiting={<RowsSkeleton />} slug={slug} isShown={showsEditorial || problem.problem.standing?.state === 'solved'} onShow={() => setShowsEditorial(true)} />
      )}
      {panel === 'statement' && (
        <Text problem={problem} isInContest={contestShown !== undefined} language={language} name={names.get(language ?? '')} onPlay={(input) => void play(input)} />
      )}
    </div>
  )
  const workspace =
    chosen === undefined ? (
      <div className="grow p-4">
        <CheckAgain>{m.editor.noLanguage}</CheckAgain>
      </div>
    ) : (
      <Workspace
        key={`${user ?? ''}/${chosen.language_id}/${loads}`}
        problem={problem}
        of={{ user, slug, language: chosen.language_id }}
        languages={languages}
        language={chosen}
        cannotRun={cannotRun}
        judge={judge}
        pane={isWide ? undefined : view === 'result' ? 'result' : 'code'}
        onLanguage={choose}
        onLoad={load}
        onPlay={(input, program) => void play(input, program)}
        contest={contestShown}
        opened={submission}
        names={names}
        replaced={replaced?.language === chosen.language_id ? replaced : undefined}
        onBegin={begin}
        onCode={() => !isWide && go('code')}
        submitNote={isOver ? <NoLonger /> : undefined}
        ref={place}
      />
    )
  const inContest = (
    <>
      {isFull && (
        <p role="alert" className="shrink-0 px-3 py-1.5 border-b border-border text-wrong">
          {m.editor.notReplaced}
        </p>
      )}
      {contest !== undefined && askedWrong !== undefined && <NotInContest of={contest} title={asked.data?.title} fault={askedWrong} />}
      {contestShown !== undefined && <InContest slug={slug} of={contestShown} isBrief={!isWide && view === 'result'} />}
    </>
  )
  const tabs: [View, string][] = [
    ['statement', m.problem.statement],
    ...(isWide ? [] : ([['code', m.problem.code], ['result', m.problem.result]] as [View, string][])),
    ['submissions', m.problem.submissions],
    ...(problem.has_editorial ? ([['editorial', m.problem.editorial]] as [View, string][]) : []),
  ]
  const shown = isWide ? panel : view
  const tabList = (
    <div role="tablist" className="flex gap-1 px-2 sm:px-4 border-b border-border bg-surface shrink-0 scroll-x">
      {tabs.map(([one, text]) => (
        <TabButton key={one} id={one} isSelected={shown === one} onClick={() => go(one)}>
          {text}
        </TabButton>
      ))}
    </div>
  )
  const showsText = shown === panel
  // One tree for both layouts: when a window becomes wider or narrower, the editor and the result stay.
  return (
    <div className={`workspace flex ${isWide ? '' : 'flex-col'}`}>
      <div className={isWide ? 'flex flex-col shrink-0 min-w-0 min-h-0' : 'contents'} style={{ width: `${share}%` }}>
        {inContest}
        {tabList}
        {showsText && statement}
      </div>
      {isWide && <Splitter label={m.problem.split} orientation="vertical" value={share} min={20} max={75} onChange={setShare} />}
      <div
        {...(!showsText && { role: 'tabpanel', id: `panel-${shown}`, 'aria-labelledby': `tab-${shown}` })}
        className={isWide ? 'contents' : showsText ? 'hidden' : 'flex flex-col grow min-h-0'}
      >
        {workspace}
      </div>
    </div>
  )
}

interface TextProps {
  problem: Schema['ProblemView']
  /** In a contest, tags and difficulty would be hints. */
  isInContest: boolean
  /** The chosen language and its name. */
  language: string | undefined
  name: string | undefined
  onPlay: (input: string) => void
}

function Text({ problem, isInContest, language, name, onPlay }: TextProps) {
  const m = useMessages()
  const { title, difficulty, tags } = problem.problem
  const { limits } = problem
  // Some languages have separate limits. The figures of such a limit name the language.
  const own = limits.per_language.find((one) => one.language === language)
  const time = own?.cpu_time_ms ?? limits.cpu_time_ms
  const memory = own?.memory_kb ?? limits.memory_kb
  const of = (differs: boolean) => (differs ? ` (${name ?? language})` : '')
  return (
    <article className="pb-8">
      <h1 className="text-2xl font-semibold tracking-tight text-balance">{withoutOverrides(title)}</h1>
      {!isInContest && (
        <p className="mt-1 flex flex-wrap gap-x-3">
          <DifficultyWord value={difficulty} />
          {tags.map((tag) => (
            <Link key={tag} to="/problems" search={{ tag }} className="text-muted hover:text-text hover:underline pointer-coarse:py-2.5 pointer-coarse:-my-2.5">
              {m.tag(tag)}
            </Link>
          ))}
        </p>
      )}
      <dl className="mt-3 mb-6 flex flex-wrap gap-x-6 gap-y-1 text-sm" title={m.problem.perTest}>
        {time != null && <Limit name={m.problem.time} value={milliseconds(time) + of(time !== limits.cpu_time_ms)} />}
        <Limit name={m.problem.memory} value={kibibytes(memory) + of(memory !== limits.memory_kb)} />
        <Limit name={m.problem.source} value={bytes(limits.source_bytes)} />
      </dl>
      <Statement statement={problem.statement} />
      {problem.is_interactive && <p className="mt-4 p-3 rounded-md bg-raised">{m.problem.interactive}</p>}
      {problem.attachments.length > 0 && (
        <section className="mt-6">
          <h2 className="font-semibold">{m.problem.attachments}</h2>
          <ul className="mt-1">
            {problem.attachments.map((file) => (
              <li key={file.url}>
                <a href={addressOf(file.url)} download className="text-accent-text underline pointer-coarse:inline-block pointer-coarse:py-2.5">
                  {withoutOverrides(file.name)}
                </a>{' '}
                <span className="text-muted">{bytes(file.bytes)}</span>
              </li>
            ))}
          </ul>
        </section>
      )}
      {problem.samples.length > 0 && (
        <section className="mt-8">
          <h2 className="sr-only">{m.problem.samples}</h2>
          <Samples problem={problem} onPlay={onPlay} />
        </section>
      )}
    </article>
  )
}

function Limit({ name, value }: { name: string; value: string }) {
  return (
    <div className="flex gap-1.5">
      <dt className="text-muted">{name}</dt>
      <dd className="figure leading-[1.6]">{value}</dd>
    </div>
  )
}
