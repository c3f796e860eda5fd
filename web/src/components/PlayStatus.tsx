// State of a run in the playground: its phase or verdict in words, its time and memory, and the state of the
// connection.
import { LoaderCircle } from 'lucide-react'
import { useIsOnline } from '../hooks/useIsOnline'
import type { PlayState } from '../hooks/usePlay'
import { useMessages, useTexts } from '../i18n/messages'
import { playTexts } from '../i18n/play'
import { Button } from '../ui/Button'
import { endedByUser, mayHaveLostOutput, wallLimitReached } from '../util/ending'
import { bytes, kibibytes, measured, milliseconds } from '../util/format'
import { phaseText } from '../util/live'
import { verdictOf } from '../util/verdict'
import { messageOf, plainExit } from '../util/outcome'
import { ErrorBox } from './ErrorBox'
import { lazyPart } from './LazyPart'
import { LinkedMessage, type OnLine } from './RunTexts'
import { VerdictBadge } from './VerdictBadge'

const Signal = lazyPart(async () => (await import('./Signal')).Signal)

interface PlayStatusProps {
  state: PlayState
  /** Number of bytes that the terminal has not shown. */
  skipped: number
  onReconnect: () => void
  onLine: OnLine
  /** Text before the first run. */
  idle?: string
}

export function PlayStatus({ state, skipped, onReconnect, onLine, idle }: PlayStatusProps) {
  const m = useMessages()
  const p = useTexts(playTexts)
  const { link, kind } = state
  const isOnline = useIsOnline()
  const isLost = kind === 'live' && (link === 'reconnecting' || link === 'given-up' || (state.phase === 'sending' && !isOnline))
  // The limit is the reason why output is missing.
  const isOverLimit = kind === 'done' && state.result?.verdict === 'OLE'
  const notes = [
    isLost && state.asked === 'kill' ? p.stopsLater : kind === 'live' && state.isStopping ? m.play.stopping : undefined,
    state.wasLost && !isLost && kind !== 'failed' && !state.hasGap && state.unread === 0 && state.verdict !== 'JE' ? m.play.restored : undefined,
    state.hasGap && !isOverLimit ? m.play.gap : undefined,
    skipped > 0 ? m.play.skipped(bytes(skipped)) : undefined,
    // When the program has ended, the output itself says so.
    state.isCut && kind === 'live' ? m.play.cut : undefined,
    state.droppedInput === undefined ? undefined : m.play.dropped[state.droppedInput],
    state.unread > 0 ? m.play.unread(bytes(state.unread)) : undefined,
  ].filter((note) => note !== undefined)
  return (
    <div className="flex flex-wrap items-baseline gap-x-4 gap-y-0.5">
      {isLost && (
        <div role="alert" className="basis-full flex flex-wrap items-center gap-2 text-limit font-medium">
          <p className="grow basis-60">{link === 'given-up' ? m.play.givenUp : state.phase === 'sending' ? m.play.notSent : m.play.reconnecting}</p>
          {link === 'given-up' && <Button onClick={onReconnect}>{m.play.reconnect}</Button>}
        </div>
      )}
      <div aria-live="polite">
        <Fate state={state} onLine={onLine} idle={idle} />
        {notes.map((note) => (
          <p key={note} className="text-sm text-muted">
            {note}
          </p>
        ))}
      </div>
      {state.meters !== undefined && state.result?.compilation_error == null && <MeterList state={state} />}
    </div>
  )
}

function Fate({ state, onLine, idle }: { state: PlayState; onLine: OnLine; idle: string | undefined }) {
  const m = useMessages()
  const p = useTexts(playTexts)
  switch (state.kind) {
    case 'idle':
      return <p className="text-muted">{idle ?? m.play.idle}</p>
    case 'failed':
      return <ErrorBox error={state.error} />
    case 'live':
      return (
        <p className="flex items-center gap-2 font-medium" data-phase={state.phase}>
          <LoaderCircle aria-hidden size={16} className="animate-spin text-muted" />
          {state.phase === 'running' ? m.run.phases.runningOne : phaseText(m.run.phases, state.phase, state.position)}
        </p>
      )
    case 'done': {
      const { result } = state
      const code = verdictOf(result?.verdict ?? state.verdict) ?? 'JE'
      const ending = result && endedByUser(state.asked, result)
      const wallLimit = result && wallLimitReached(result)
      const exit = result && plainExit(result)
      // The message about the output says what the limit is.
      const isExplained = code === 'AC' || code === 'CE' || code === 'OLE' || exit !== undefined
      // The exceptions of Python and Ruby, Kotlin, and Java's Scanner.
      const needsInput = code === 'RTE' && !state.isTerminal && /EOFError|ReadAfterEOFException|java\.util\.Scanner\./.test(state.stderr)
      const hint = needsInput ? m.play.needsInput : wallLimit !== undefined ? m.play.wallLimit(milliseconds(wallLimit)) : isExplained ? '' : code === 'JE' ? p.failed : m.verdicts[code].hint
      const message = exit === undefined && result ? messageOf(result) : undefined
      const isSilent = !state.isTerminal && result?.started_at != null && result.compilation_error == null && mayHaveLostOutput(code, state.stdout)
      return (
        <div data-verdict={code}>
          <p className="text-lg">
            {ending !== undefined ? (
              <span className="font-medium text-muted">{ending === 'kill' ? m.play.killed : m.play.stopped}</span>
            ) : code === 'AC' ? (
              <span className="font-medium">{m.run.ended}</span>
            ) : exit !== undefined ? (
              <span className="font-medium">{p.exit(exit)}</span>
            ) : (
              <VerdictBadge code={code} />
            )}
          </p>
          {ending === undefined && (message !== undefined || (exit === undefined && result?.signal != null)) && (
            <p className="wrap-anywhere">{message !== undefined ? <LinkedMessage text={message} onLine={onLine} /> : <Signal of={result?.signal ?? 0} />}</p>
          )}
          {ending === undefined && hint !== '' && <p className="text-sm text-muted">{hint}</p>}
          {isSilent && <p className="text-sm text-muted">{m.play.lostOutput}</p>}
        </div>
      )
    }
  }
}

function MeterList({ state }: { state: PlayState }) {
  const m = useMessages()
  const { meters, result } = state
  const limits = result?.limits
  const figures: [string, string | undefined, string | undefined][] = [
    [m.play.cpuMeter, meters?.cpuMs === undefined ? undefined : measured(meters.cpuMs), limits == null ? undefined : milliseconds(limits.cpu_time_ms)],
    [m.play.wall, meters?.wallMs === undefined ? undefined : measured(meters.wallMs), limits == null ? undefined : milliseconds(limits.wall_time_ms)],
    [m.play.memoryMeter, meters?.memoryKb === undefined ? undefined : kibibytes(meters.memoryKb), limits == null ? undefined : kibibytes(limits.memory_kb)],
  ]
  return (
    <div className="flex flex-wrap gap-x-4 gap-y-0.5 text-sm">
      <dl className="contents">
        {figures.map(([name, value, most]) =>
          value === undefined ? null : (
            <div key={name} className="flex items-baseline gap-1.5">
              <dt className="text-muted">{name}</dt>
              <dd className="figure">
                {value}
                {most !== undefined && <span className="text-muted"> / {most}</span>}
              </dd>
            </div>
          ),
        )}
      </dl>
      {result?.exit_code != null && result.exit_code !== 0 && plainExit(result) === undefined && <p className="text-muted">{m.run.exitCode(result.exit_code)}</p>}
      {result?.signal != null && (messageOf(result) !== undefined || endedByUser(state.asked, result) !== undefined) && <p className="text-muted"><Signal of={result.signal} /></p>}
    </div>
  )
}
