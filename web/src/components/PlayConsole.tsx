// The right side of the playground: standard input as text or terminal, arguments and limits, the output, and the state
// of the run.
import { ChevronRight } from 'lucide-react'
import { useEffect, useRef, useState } from 'react'
import type { Schema } from '../api/client'
import { useMedia } from '../hooks/useMedia'
import { IDLE, type usePlay } from '../hooks/usePlay'
import { useMessages, useTexts } from '../i18n/messages'
import { playTexts } from '../i18n/play'
import type { TerminalHandle, TerminalModes } from '../terminal/Terminal'
import { OUTPUT_LINES_MAX } from '../util/visible'
import { TabButton } from '../ui/TabButton'
import type { Play, PlayLimits } from '../util/play'
import { lazyPart } from './LazyPart'
import { PlayStatus } from './PlayStatus'
import type { InputMode } from './PlayWorkspace'
import { Compiler, Text, type OnLine } from './RunTexts'

const Artifacts = lazyPart(async () => (await import('./Artifacts')).Artifacts)
const PlaySettings = lazyPart(async () => (await import('./PlaySettings')).PlaySettings)
const Terminal = lazyPart(async () => (await import('../terminal/Terminal')).Terminal)
const TerminalKeys = lazyPart(async () => (await import('../terminal/Terminal')).TerminalKeys)
const TerminalSettings = lazyPart(async () => (await import('../terminal/Terminal')).TerminalSettings)

interface PlayConsoleProps {
  run: ReturnType<typeof usePlay>
  mode: InputMode
  play: Play
  language: Schema['LanguageView']
  limits: PlayLimits
  /** Patterns of the files that the run keeps, if they are known. */
  patterns: readonly string[] | undefined
  skipped: number
  onMode: (mode: InputMode) => void
  onChange: (change: Partial<Play>) => void
  onLimits: (limits: Partial<PlayLimits>) => void
  onLine: OnLine
  onSkip: (bytes: number) => void
  onReady: (handle: TerminalHandle | null) => void
}

export function PlayConsole(props: PlayConsoleProps) {
  const { run, mode, play, patterns, skipped, onMode, onChange, onLine, onSkip, onReady } = props
  const { state } = run
  const m = useMessages()
  const p = useTexts(playTexts)
  const [wasOpened, setWasOpened] = useState(mode === 'terminal')
  // `USUAL_MODES` would load the script of the terminal.
  const [modes, setModes] = useState<TerminalModes>({ isSpoken: false, isText: false })
  const [isReady, setIsReady] = useState(false)
  const ready = (handle: TerminalHandle | null) => {
    setIsReady(handle !== null)
    onReady(handle)
  }
  const isLive = state.kind === 'live'
  const column = useRef<HTMLDivElement>(null)
  const content = useRef<HTMLDivElement>(null)
  const output = useRef<HTMLDivElement>(null)
  // In a low window, or below open settings, the output of a run would be out of sight, or behind the state of the run.
  useEffect(() => {
    const shown = state.kind === 'live' ? content.current : state.kind === 'done' && !state.isTerminal ? output.current : null
    if (shown !== null) column.current?.scrollTo({ top: shown.offsetTop })
  }, [state.kind])
  // Once opened, the terminal stays mounted, so that its content remains when the other tab is open.
  if (mode === 'terminal' && !wasOpened) setWasOpened(true)
  const compiler = state.result?.compilation_error
  // The last run may have had the other input.
  const shown = state.kind === 'done' && state.isTerminal !== (mode === 'terminal') ? IDLE : state
  const result = state.kind === 'done' ? state.result : undefined
  const files = result !== undefined && [...(result.artifacts ?? []), ...(patterns ?? [])].length > 0 && (
    <Artifacts key={result.submission_id} result={result} patterns={patterns} />
  )
  // The input mode of a run cannot change while the run is in progress.
  const tab = (one: InputMode, text: string) => (
    <TabButton id={`input-${one}`} isSelected={mode === one} isDisabled={isLive && mode !== one} onClick={() => onMode(one)}>
      {text}
    </TabButton>
  )
  return (
    // Where the window is low or the settings are open, this column scrolls, and the terminal keeps its smallest height.
    <div ref={column} data-console className="relative flex flex-col grow min-h-0 overflow-y-auto">
      {/* While a program runs in a low window, the terminal has the height of these rows. */}
      <div data-spare className={`flex items-center gap-2 px-3 border-b border-border bg-surface shrink-0 ${isLive && mode === 'terminal' ? 'low:hidden' : ''}`}>
        <span className="text-sm text-muted">{m.play.input}</span>
        <div role="tablist" aria-label={m.play.input} className="flex gap-1 grow">
          {tab('text', m.play.text)}
          {tab('terminal', m.play.terminal)}
        </div>
      </div>
      <Settings {...props} />
      {mode === 'text' && (
        <div role="tabpanel" id="panel-input-text" aria-labelledby="tab-input-text" ref={content} tabIndex={0} className="grow shrink-0 p-3 space-y-3">
          <textarea
            aria-label={p.textLabel}
            placeholder={p.textLabel}
            value={play.stdin}
            onChange={(event) => onChange({ stdin: event.target.value })}
            rows={4}
            spellCheck={false}
            className="block w-full min-h-20 px-3 py-2 rounded-md border border-strong bg-surface font-mono text-sm placeholder:text-muted"
          />
          <div ref={output} className="space-y-3 empty:hidden">
            {compiler != null && !state.isTerminal && <Compiler text={compiler} onLine={onLine} />}
            <Text title={m.play.output} text={state.stdout} whole={state.isTerminal ? undefined : state.result?.stdout} linesMax={OUTPUT_LINES_MAX} follows={isLive} always={state.kind === 'done' && compiler == null && !state.isTerminal} />
            <Text title={m.run.stderr} text={state.stderr} whole={state.isTerminal ? undefined : state.result?.stderr} linesMax={OUTPUT_LINES_MAX} follows={isLive} />
            {!state.isTerminal && files}
          </div>
        </div>
      )}
      {wasOpened && (
        <div role="tabpanel" id="panel-input-terminal" aria-labelledby="tab-input-terminal" ref={mode === 'terminal' ? content : null} className={mode === 'terminal' ? 'flex flex-col grow shrink-0' : 'hidden'}>
          <div className="grow basis-0 min-h-40 low:min-h-32 [@media(height<240px)]:min-h-20 pl-3 pt-2 bg-surface">
            <Terminal waiting={<p className="text-muted">{m.loading}</p>} label={`${m.heading(m.play.terminalLabel)}${m.play.terminalHint} ${m.play.terminalKeys}`} isLive={isLive && state.isTerminal} modes={modes} onType={run.type} onSize={run.resize} onSkip={onSkip} onReady={ready} />
          </div>
          {compiler != null && state.isTerminal && (
            <div className="shrink-0 max-h-72 overflow-auto p-3 border-t border-border">
              <Compiler text={compiler} onLine={onLine} />
            </div>
          )}
          {state.isTerminal && files !== false && <div className="shrink-0 max-h-72 overflow-auto px-3 not-empty:py-3 not-empty:border-t border-border">{files}</div>}
          <div data-spare className="low:hidden flex flex-wrap items-center gap-x-3 gap-y-1 px-3 py-1 border-t border-border text-xs text-muted">
            <p className="grow">
              {state.kind !== 'done' && m.play.terminalHint} <span className="pointer-coarse:hidden">{m.play.terminalKeys}</span>
            </p>
            {/* The scripts of the settings and of the keys are that of the terminal. */}
            {isReady && <TerminalSettings modes={modes} onModes={setModes} />}
          </div>
        </div>
      )}
      {/* In a low window, the result of a run does not cover the fields: it is below the output. The keys stay in view. */}
      <div className={`sticky [@media(height<300px)]:contents bottom-0 z-10 shrink-0 bg-surface ${mode === 'text' && !isLive ? '[@media(height<480px)]:static' : ''}`}>
        {mode === 'terminal' && (
          <div className={`[@media(height<300px)]:sticky bottom-0 z-10 shrink-0 bg-surface pointer-coarse:border-t border-border ${isLive ? '' : 'low:hidden'}`}>
            {isReady && <TerminalKeys isLive={isLive} onType={run.type} />}
          </div>
        )}
        <div className="shrink-0 min-h-15 low:min-h-0 max-h-[max(30dvh,min(45dvh,10.5rem))] overflow-auto px-3 py-2 border-t border-border">
          <PlayStatus state={shown} skipped={shown.isTerminal ? skipped : 0} onReconnect={run.reconnect} onLine={onLine} />
        </div>
      </div>
    </div>
  )
}

function Settings({ run, ...settings }: PlayConsoleProps) {
  const p = useTexts(playTexts)
  const { play, language } = settings
  const [isOpen, setIsOpen] = useState(false)
  const isSmall = useMedia('(max-width: 599px), (max-height: 599px)')
  // The output needs the space.
  if (isSmall && isOpen && run.state.kind === 'live') setIsOpen(false)
  return (
    <details data-spare open={isOpen} onToggle={(event) => setIsOpen(event.currentTarget.open)} className={`${run.state.kind === 'live' ? 'low:hidden' : ''} shrink-0 border-b border-border bg-surface`}>
      <summary className="sticky top-0 z-10 bg-surface flex items-center gap-2 px-3 min-h-9 pointer-coarse:min-h-11 cursor-pointer text-sm hover:bg-raised">
        <ChevronRight aria-hidden size={14} className="shrink-0 text-muted transition-transform in-open:rotate-90" />
        <span className="shrink-0">{p.settings}</span>
        <span className="font-mono text-xs text-muted truncate min-w-0">{[language.compiled ? play.compilerArgs : undefined, play.args, play.keep].filter(Boolean).join(' · ')}</span>
      </summary>
      {isOpen && (
        <PlaySettings {...settings} />
      )}
    </details>
  )
}
