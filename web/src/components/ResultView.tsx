// The result of Run and Submit: the phase during judging, then the verdict in words, the tests, and the first failure.
import { CloudOff, LoaderCircle } from 'lucide-react'
import { useState } from 'react'
import type { Schema } from '../api/client'
import type { Judging, Purpose, Result, Unsent } from '../hooks/useJudging'
import { useKeptFocus } from '../hooks/useKeptFocus'
import { editing } from '../i18n/editing'
import { useLanguage, useMessages, useTexts } from '../i18n/messages'
import { Button } from '../ui/Button'
import { Bone } from '../ui/Skeleton'
import { wallLimitReached } from '../util/ending'
import { kibibytes, measured, milliseconds } from '../util/format'
import { phaseText, type Live } from '../util/live'
import { failedTest, firstToShow, hasRoundedFigures, hasRun, messageOf, notRun, passed, placeOfLines, returnedIn, sentence, shownLength, type ProblemTest } from '../util/outcome'
import { verdictOf } from '../util/verdict'
import { isFunction } from '../util/skeletons'
import { ErrorBox } from './ErrorBox'
import { lazyPart } from './LazyPart'
import { Compiler, LinkedMessage, Text } from './RunTexts'
import { PlayButton } from './Samples'
import { TestGrid, type GridTest } from './TestGrid'
import { ToSignIn } from './ToSignIn'
import { VerdictBadge } from './VerdictBadge'

const Distribution = lazyPart(async () => (await import('./Distribution')).Distribution)
const EarlierSubmission = lazyPart(async () => (await import('./EarlierSubmission')).EarlierSubmission)
const Groups = lazyPart(async () => (await import('./Groups')).Groups)
const NextProblem = lazyPart(async () => (await import('./NextProblem')).NextProblem)
const NextInContest = lazyPart(async () => (await import('./InContest')).NextInContest)
const Signal = lazyPart(async () => (await import('./Signal')).Signal)
const DiffView = lazyPart(async () => (await import('./DiffView')).DiffView)

interface ResultViewProps {
  judging: Judging
  /** Code that the server has not confirmed. */
  unsent: Unsent | undefined
  problem: Schema['ProblemView']
  /** Whether the user is a visitor who cannot run programs. */
  isSignedOut: boolean
  /** The contest in which the problem is shown, if it is. */
  contest: string | undefined
  /** The earlier submission that is shown, if one is. */
  opened: string | undefined
  /** Names of the languages by their ids. */
  names: ReadonlyMap<string, string>
  onLine: (line: number) => void
  /** Puts the source of a result into the editor. */
  onLoad: (language: string, source: string) => void
  /** The code in the editor, and its language. */
  source: string
  language: string
  /** Opens the playground with a test's input and the program that was judged. */
  onPlay: (input: string, judged: { language: string; source: string } | undefined) => void
  /** Opens the input for own runs. */
  onOwnInput: () => void
  onSendAgain: (unsent: Unsent) => void
  onDrop: (unsent: Unsent) => void
}

/** The parts of a result. `onLine`: `undefined` if the lines of the code that was judged are nowhere on the page. */
type PartProps = Omit<ResultViewProps, 'onLine'> & { onLine: ((line: number) => void) | undefined; result: Result; purpose: Purpose; input?: string | undefined }

/** The announced region is always in the page, because screen readers do not announce a region that is added later. */
export function ResultView(props: ResultViewProps) {
  const { judging } = props
  const m = useMessages()
  const { visitor } = useTexts(editing)
  const result = judging.kind === 'done' ? judging.result : undefined
  // The line of an earlier submission's source to which a link leads.
  const [asked, setAsked] = useState<{ id: string; line: number }>()
  const place = result === undefined ? undefined : placeOfLines({ sent: judgedSource(result), sentIn: result.language, isAgain: judging.kind === 'done' && judging.isAgain, isOpened: result.submission_id === props.opened }, props)
  const onLine = place === 'editor' ? props.onLine : place === 'submission' ? (line: number) => setAsked({ id: result?.submission_id ?? '', line }) : undefined
  // Both buttons of this message disappear with it.
  const kept = useKeptFocus(props.unsent && 1)
  return (
    <div ref={kept} tabIndex={-1} className="outline-none space-y-3">
      <div aria-live="polite" {...(judging.kind === 'done' && { 'data-verdict': verdictOf(judging.result.verdict) ?? 'JE' })}>
        {judging.kind === 'idle' && (props.isSignedOut ? <ToSignIn text={visitor.idle} className="text-muted" /> : <p className="text-muted">{m.run.idle}</p>)}
        {judging.kind === 'live' && <Progress live={judging.live} purpose={judging.purpose} total={judging.purpose === 'samples' ? props.problem.samples_total : props.problem.tests_total} />}
        {judging.kind === 'done' && <Fate {...props} onLine={onLine} result={judging.result} purpose={judging.purpose} isAgain={judging.isAgain} />}
      </div>
      {judging.kind === 'done' &&
        judging.purpose === 'submission' &&
        verdictOf(judging.result.verdict) === 'AC' &&
        (props.contest === undefined ? (
          <NextProblem waiting={<Bone className="h-9" />} of={props.problem.problem} />
        ) : (
          <NextInContest waiting={<Bone className="h-9" />} slug={props.problem.problem.slug} of={props.contest} sentAt={judging.result.submitted_at} />
        ))}
      {props.unsent !== undefined && <NotSent {...props} unsent={props.unsent} />}
      {judging.kind === 'failed' && <ErrorBox error={judging.error} />}
      {judging.kind === 'live' && judging.purpose !== 'input' && judging.live.tests.length > 0 && (
        <TestGrid tests={judging.live.tests.map((test) => ({ verdict: test.verdict, isRunning: test.verdict === undefined }))} />
      )}
      {judging.kind === 'done' && <Ended key={judging.result.submission_id} {...props} onLine={onLine} asked={asked?.id === judging.result.submission_id ? asked : undefined} result={judging.result} purpose={judging.purpose} input={judging.input} />}
    </div>
  )
}

/** Says whether the server has the code, and what happens to it. */
function NotSent({ unsent, source, onSendAgain, onDrop }: ResultViewProps & { unsent: Unsent }) {
  const m = useMessages()
  const e = useTexts(editing)
  const { mayHaveArrived, isWaiting, purpose, solution } = unsent
  const isRun = purpose !== 'submission'
  const t = e.unsent[mayHaveArrived ? 'unknown' : isRun ? 'run' : 'submission']
  return (
    <div role="alert" className="flex gap-3 p-3 rounded-md border border-limit bg-surface">
      <CloudOff aria-hidden size={16} strokeWidth={1.5} className="mt-0.5 shrink-0 text-limit" />
      <div className="min-w-0 grow">
        <p className="font-semibold">{t.title}</p>
        <p className="mt-0.5">{isWaiting ? t.waiting : mayHaveArrived && isRun ? e.unsent.unknown.lateRun : t.late}</p>
        {solution.source !== source && <p className="mt-0.5">{e.sendsOther}</p>}
        <div className="mt-2 flex flex-wrap gap-2">
          <Button onClick={() => onSendAgain(unsent)}>{m.tryAgain}</Button>
          <Button look="quiet" onClick={() => onDrop(unsent)}>
            {t.drop}
          </Button>
        </div>
      </div>
    </div>
  )
}

/** `total`: number of tests. The problem may have changed since the page was loaded. */
function Progress({ live, purpose, total }: { live: Live; purpose: Purpose; total: number }) {
  const m = useMessages()
  const { phases } = m.run
  const ended = live.tests.filter((test) => test.verdict !== undefined).length
  const phase =
    live.phase !== 'running' ? phaseText(phases, live.phase, live.position) : purpose === 'input' || live.tests.length === 0 ? phases.runningOne : phases.running(Math.min(ended + 1, live.tests.length), total >= live.tests.length ? total : undefined)
  return (
    <>
      <p className="flex items-center gap-2 font-medium">
        <LoaderCircle aria-hidden size={16} className="animate-spin text-muted" />
        {phase}
      </p>
      {live.isReconnecting && <p className="mt-1 text-muted">{m.run.reconnecting}</p>}
    </>
  )
}

/** The verdict in words and its reason; beside it, the judged code, the time and the memory; then the groups of tests. */
function Fate({ result, purpose, isAgain, problem, opened, names, onLine, source, language }: PartProps & { isAgain: boolean }) {
  const m = useMessages()
  const { tag } = useLanguage()
  const e = useTexts(editing)
  const { tests = [], groups = [] } = result.problem ?? {}
  const code = verdictOf(result.verdict) ?? 'JE'
  const failed = purpose === 'input' ? undefined : failedTest(result)
  const suffix = failed !== undefined && tests.length > 1 && code !== 'AC' ? (purpose === 'samples' ? e.onSample : m.run.onTest)(failed) : code !== 'AC' || purpose === 'submission' ? '' : purpose === 'samples' ? m.run.onSamples : m.run.onInput
  const { score, max_score } = result.problem ?? {}
  const message = messageOf(result)
  const wallLimit = wallLimitReached(result)
  // A message explains these verdicts better than the hint.
  const isExplained = message !== undefined && (code === 'WA' || code === 'PE')
  const hint = code === 'ILE' && problem.is_interactive ? e.interactor.idle : wallLimit !== undefined ? m.play.wallLimit(milliseconds(wallLimit)) : isExplained ? '' : m.verdicts[code].hint
  const ran = tests.filter((test) => test.verdict !== 'SK')
  const skipped = notRun(tests)
  const sent = judgedSource(result)
  const judgedIn = names.get(result.language ?? '') ?? result.language
  return (
    <>
      <div className="flex flex-wrap items-baseline gap-x-4 gap-y-0.5 text-muted">
        <p className="text-lg">
          {purpose === 'input' && code === 'AC' && !problem.is_interactive ? <span className="font-medium text-text">{m.run.ended}</span> : <VerdictBadge code={code} suffix={suffix} />}
        </p>
        {result.submission_id !== opened && (purpose !== 'samples' || suffix === '') && <span>{e.purposes[purpose]}</span>}
        {(isAgain || result.submission_id === opened) && (
          <span>
            <time dateTime={result.submitted_at}>{new Date(result.submitted_at).toLocaleString(tag, { dateStyle: 'medium', timeStyle: 'short' })}</time>
            {' · '}
            {judgedIn}
          </span>
        )}
        {!isAgain && result.submission_id !== opened && result.language !== language && <span>{judgedIn}</span>}
        {isAgain && sent !== undefined && sent !== source && <span>{e.otherCode}</span>}
        {purpose !== 'input' && tests.length > 0 && <span>{skipped > 0 ? e.stopped(passed(tests), skipped, tests.length) : m.run.passed(passed(tests), tests.length)}</span>}
        {score != null && <span>{m.run.score(String(score), max_score == null ? undefined : String(max_score))}</span>}
        {didCompile(result) && hasRun(code) && (
          <Figures
            time={result.execution_time_ms}
            memory={result.memory_used_kb}
            result={result}
            label={ran.length > 1 ? e.most : undefined}
            isRounded={hasRoundedFigures(tests, problem.may_change)}
          />
        )}
      </div>
      {message !== undefined && (
        <p className="mt-0.5 wrap-anywhere">
          <LinkedMessage text={message} onLine={onLine} />
        </p>
      )}
      {hint !== '' && <p className="mt-0.5 text-muted">{hint}</p>}
      {groups.some((group) => group.score != null || group.max_score != null) && <Groups groups={groups} />}
    </>
  )
}

const didCompile = (result: Result): boolean => result.compile?.ok !== false && result.compilation_error == null

/** The source that was judged, if the response has it. */
const judgedSource = (result: Result): string | undefined => result.files?.[0]?.content ?? undefined

function Ended({ result, purpose, problem, opened, onLine, asked, onLoad, source, onPlay, onOwnInput, input }: PartProps & { asked: { line: number } | undefined }) {
  const m = useMessages()
  const e = useTexts(editing)
  const tests = result.problem?.tests ?? []
  const [selected, setSelected] = useState(() => firstToShow(tests))
  const test = tests[selected]
  const sent = judgedSource(result)
  return (
    <>
      {result.compilation_error != null && <Compiler text={result.compilation_error} onLine={onLine} />}
      {tests.length > 0 && purpose !== 'input' && (
        <TestGrid tests={tests.slice(0, Math.max(1, shownLength(tests))).map((test) => gridTest(test, result))} selected={selected} onSelect={setSelected} />
      )}
      {test !== undefined && purpose !== 'input' && <OneTest test={test} problem={problem} result={result} onOwnInput={onOwnInput} onPlay={(input) => onPlay(input, sent === undefined || result.language == null ? undefined : { language: result.language, source: sent })} />}
      {purpose === 'input' && (
        <div className="space-y-3">
          <Text title={m.run.returned} text={result.problem?.returned} />
          <Text title={result.problem?.returned == null ? m.run.your : e.printed} text={result.stdout} always={didCompile(result) && result.problem?.conversation == null && result.problem?.returned == null} />
          <Text title={m.problem.conversation} text={result.problem?.conversation} />
          <Text title={m.run.stderr} text={result.stderr} />
          <Text title={problem.is_interactive ? e.interactor.input : m.run.input} text={input} />
        </div>
      )}
      {result.submission_id === opened && (
        <EarlierSubmission waiting={<Bone className="h-9" />} result={result} asked={asked} />
      )}
      {sent !== undefined && sent !== source && result.language != null && (
        <Button onClick={() => onLoad(result.language ?? '', sent)}>{m.submissions.load}</Button>
      )}
      {purpose === 'submission' && verdictOf(result.verdict) === 'AC' && result.language != null && (
        <Distribution slug={problem.problem.slug} language={result.language} submission={result.submission_id} />
      )}
      {result.compile?.ok === true && result.compile.output.trim() !== '' && <Compiler text={result.compile.output} onLine={onLine} />}
    </>
  )
}

const gridTest = (test: ProblemTest, { limits }: Result): GridTest => ({
  verdict: verdictOf(test.verdict),
  isRunning: false,
  ...(test.execution_time_ms != null && { time: { text: measured(test.execution_time_ms), share: shareOf(test.execution_time_ms, limits?.cpu_time_ms) } }),
  ...(test.memory_used_kb != null && { memory: { text: kibibytes(test.memory_used_kb), share: shareOf(test.memory_used_kb, limits?.memory_kb) } }),
})

const shareOf = (value: number, max: number | null | undefined): number => (max == null || max === 0 ? 0 : Math.min(1, value / max))

interface FiguresProps {
  time: number | null | undefined
  memory: number | null | undefined
  result: Result
  /** Caption of the figures, for example the test to which they belong. */
  label?: string | undefined
  /** Whether the figures are rounded up. */
  isRounded?: boolean
}

export function Figures({ time, memory, result, label, isRounded = false }: FiguresProps) {
  const { rounded } = useTexts(editing)
  const { limits } = result
  return (
    <span className="inline-flex items-baseline gap-x-3 min-w-0" title={isRounded ? rounded : undefined}>
      {label !== undefined && (time != null || memory != null) && <span className="whitespace-nowrap">{label}</span>}
      {/* In a narrow window, both stay beside their label. */}
      <span className="inline-flex flex-wrap items-baseline gap-x-3 min-w-0">
        {time != null && <Bar value={time} max={limits?.cpu_time_ms} text={measured(time)} of={limits?.cpu_time_ms == null ? undefined : milliseconds(limits.cpu_time_ms)} />}
        {memory != null && <Bar value={memory} max={limits?.memory_kb} text={kibibytes(memory)} of={limits?.memory_kb == null ? undefined : kibibytes(limits.memory_kb)} />}
      </span>
    </span>
  )
}

/** A value with a thin bar that shows its share of the limit. */
function Bar({ value, max, text, of }: { value: number; max: number | null | undefined; text: string; of: string | undefined }) {
  const share = shareOf(value, max)
  return (
    <span className="inline-flex items-center gap-2">
      <span className="figure text-text">{text}</span>
      {of !== undefined && (
        <>
          <span aria-hidden className="w-12 h-1 rounded-sm bg-border overflow-hidden">
            <span className="block h-full bg-strong" style={{ width: `${Math.max(2, share * 100)}%` }} />
          </span>
          <span className="figure">/ {of}</span>
        </>
      )}
    </span>
  )
}

interface OneTestProps {
  test: ProblemTest
  problem: Schema['ProblemView']
  result: Result
  onOwnInput: () => void
  onPlay: (input: string) => void
}

function OneTest({ test, problem, result, onOwnInput, onPlay }: OneTestProps) {
  const m = useMessages()
  const e = useTexts(editing)
  const code = verdictOf(test.verdict)
  const name = (result.problem?.purpose === 'samples' ? m.problem.sample : m.run.test)(test.number)
  const sample = problem.samples.find((sample) => sample.name === test.name)
  // The result truncates a long sample, so the sample of the statement is shown.
  const isOfStatement = sample !== undefined && test.truncated !== false
  const [input, expected, isCut] = isOfStatement ? [sample.input, sample.output, sample.truncated] : [test.input, test.expected_output, test.truncated === true]
  // The answer file of an interactive problem is for its interactor. The program does not print it.
  const isConversation = problem.is_interactive || test.conversation != null
  const isCall = isFunction(problem) && !isConversation
  const message = test.message ?? test.judge_message
  const returned = !isCall || expected == null ? undefined : code === 'AC' ? undefined : returnedIn(message ?? messageOf(result) ?? '', expected)
  const showsDiff = !isConversation && !isCall && expected != null && test.stdout != null && (code === 'WA' || code === 'PE')
  const ran = result.problem?.tests.filter((one) => one.verdict !== 'SK') ?? []
  // The heading of the result has the number, verdict and figures of the only test that ran.
  const isExplained = ran.length === 1 && ran[0] === test && failedTest(result) === test.number
  const isInMessage = message != null && result.message?.includes(message) === true
  return (
    <section aria-label={name} className={`space-y-3 ${isExplained ? '' : 'pt-2 border-t border-border'}`}>
      {isExplained ? (
        <h3 className="sr-only">{name}</h3>
      ) : (
        <div className="flex flex-wrap items-center gap-x-4 gap-y-1">
          <h3 className="font-semibold">{name}</h3>
          {code === undefined ? <span className="text-muted">{m.run.hiddenVerdict}</span> : failedTest(result) !== test.number && <VerdictBadge code={code} />}
          <Figures time={test.execution_time_ms} memory={test.memory_used_kb} result={result} />
          {test.exit_code != null && test.exit_code !== 0 && <span className="text-muted">{m.run.exitCode(test.exit_code)}</span>}
          {test.signal != null && <span className="text-muted"><Signal of={test.signal} /></span>}
        </div>
      )}
      {isExplained && test.signal != null && <p className="text-muted"><Signal of={test.signal} /></p>}
      {!test.is_shown && input == null && code !== 'SK' && (
        <div className="text-muted">
          <p>{m.run.hidden}</p>
          {code !== undefined && code !== 'AC' && code !== 'JE' && (
            <div className="mt-0.5 flex flex-wrap items-center gap-x-3 gap-y-1">
              <p>{m.run.tryOwn}</p>
              <Button onClick={onOwnInput}>{m.run.custom}</Button>
            </div>
          )}
        </div>
      )}
      {message != null && message !== '' && !isInMessage && <Text title={isCall ? e.difference : m.run.checker} text={m.judge(sentence(message))} />}
      {showsDiff && (
        <DiffView waiting={<Bone className="h-24" />} key={test.number} ours={test.stdout ?? ''} expected={expected} truncated={isCut} isExplained={/\bline \d+ of the output\b/.test(message ?? result.message ?? '')} />
      )}
      {isCall && code !== 'SK' && (
        <div className="grid sm:grid-cols-2 gap-3">
          <Text title={m.run.returned} text={returned} />
          <Text title={e.expectedReturn} text={expected} />
        </div>
      )}
      {!showsDiff && !isCall && code !== 'SK' && !isConversation && test.is_shown && (
        <div className="grid sm:grid-cols-2 gap-3">
          <Text title={m.run.your} text={test.stdout} always />
          <Text title={m.run.expected} text={expected} />
        </div>
      )}
      {!test.is_shown && !isCall && code !== 'SK' && !isConversation && <Text title={m.run.expected} text={expected} />}
      {isCall && <Text title={e.printed} text={test.stdout} />}
      <Text title={m.problem.conversation} text={test.conversation} />
      <Text title={m.run.stderr} text={test.stderr} />
      {code !== 'SK' && test.conversation == null && <Text title={isConversation ? e.interactor.input : m.run.input} text={input} />}
      {input != null && !isCut && !isConversation && <PlayButton of={name} onClick={() => onPlay(input)} />}
    </section>
  )
}
