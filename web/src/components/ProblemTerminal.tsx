// Runs the user's solution of a problem interactively in a terminal. The judge is not involved.
import { useEffect, useRef, useState } from 'react'
import type { Schema } from '../api/client'
import { usePlay } from '../hooks/usePlay'
import { terminalDetail } from '../i18n/problem-terminal'
import { useMessages, useTexts } from '../i18n/messages'
import { Terminal, TerminalKeys, TerminalSettings, USUAL_MODES, type TerminalHandle } from '../terminal/Terminal'
import type { DraftOf } from '../util/drafts'
import { bytes } from '../util/format'
import { boundedLimits, REQUEST_BYTES_MAX, requestBytes, requestOf } from '../util/play'
import { PlayStatus } from './PlayStatus'
import { Compiler } from './RunTexts'
import { StopButton } from './StopButton'

interface ProblemTerminalProps {
  of: DraftOf
  language: Schema['LanguageView']
  /** The code in the editor. */
  source: string
  onLine: (line: number) => void
  /** Called with the reason if the program was not started; with `undefined` if it was. */
  onFault: (fault: string | undefined) => void
  /** Called when a program begins or ends. */
  onLive: (isLive: boolean) => void
  /** How often the user has asked to start the program. */
  asked: number
}

export function ProblemTerminal({ of, language, source, onLine, onFault, onLive, asked }: ProblemTerminalProps) {
  const m = useMessages()
  const idle = useTexts(terminalDetail)
  const place = `${of.user ?? ''}/${of.slug}/${of.language}`
  const terminal = useRef<TerminalHandle>(null)
  const [skipped, setSkipped] = useState(0)
  const [modes, setModes] = useState(USUAL_MODES)
  const run = usePlay({ write: (...output) => terminal.current?.write(...output), reset: () => terminal.current?.reset() }, place)
  const { state } = run
  const isLive = state.kind === 'live'
  const compiler = state.result?.compilation_error
  const start = () => {
    const tty = terminal.current?.size()
    if (isLive || tty === undefined) return
    setSkipped(0)
    const play = { files: [{ path: language.source_file, text: source }], args: '', stdin: '' }
    const request = requestOf(language, play, boundedLimits(language, {}), true)
    const size = requestBytes(request)
    const isTooLarge = size > REQUEST_BYTES_MAX
    onFault(isTooLarge ? m.play.tooLarge(bytes(size), bytes(REQUEST_BYTES_MAX)) : undefined)
    if (isTooLarge) return
    run.start(request, tty)
    requestAnimationFrame(() => terminal.current?.focus())
  }
  // The user may ask before the terminal is there.
  const [isReady, setIsReady] = useState(false)
  const begun = useRef(0)
  useEffect(() => {
    if (!isReady || asked === begun.current) return
    begun.current = asked
    start()
  }, [asked, isReady])
  useEffect(() => onLive(isLive), [isLive])
  const ready = (handle: TerminalHandle | null) => {
    terminal.current = handle
    if (handle === null) return
    // Follow the run that was in progress when the page was reloaded.
    run.follow()
    const { cols, rows } = handle.size()
    run.resize(cols, rows)
    setIsReady(true)
  }
  return (
    <div className="flex flex-col h-full min-h-36 low:min-h-28">
      <div className="grow min-h-20 pl-2 pt-1 rounded-md border border-border bg-surface overflow-hidden">
        <Terminal
          label={`${m.heading(m.play.terminalLabel)}${m.play.terminalHint} ${m.play.terminalKeys}`}
          isLive={isLive}
          modes={modes}
          onType={run.type}
          onSize={run.resize}
          onSkip={(bytes) => setSkipped((before) => before + bytes)}
          onReady={ready}
        />
      </div>
      <div className="hidden pointer-coarse:block shrink-0 mt-2 rounded-md border border-border overflow-hidden">
        <TerminalKeys isLive={isLive} onType={run.type} />
      </div>
      {compiler != null && (
        <div className="mt-2 max-h-48 overflow-auto">
          <Compiler text={compiler} onLine={onLine} />
        </div>
      )}
      <div className="flex flex-wrap items-center gap-x-4 gap-y-1 pt-2 low:pt-1">
        <div className="basis-full min-w-0">
          <PlayStatus state={state} skipped={skipped} onReconnect={run.reconnect} onLine={onLine} idle={idle} />
        </div>
        <TerminalSettings modes={modes} onModes={setModes} />
        <span className="grow" />
        <StopButton run={run} />
      </div>
    </div>
  )
}
