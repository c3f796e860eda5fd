// The playground for one user and language. Files and editor are on the left; input, output and the run are on the
// right. On phones, one of the two sides is shown. Remounted when the language changes, so that each language has its
// own draft.
import { useNavigate, useSearch } from '@tanstack/react-router'
import { useEffect, useMemo, useRef, useState } from 'react'
import { flushSync } from 'react-dom'
import type { Schema } from '../api/client'
import type { EditorHandle } from '../editor/Editor'
import { loadEditor } from '../editor/load'
import { useEditorSize } from '../editor/settings'
import { useDraft } from '../hooks/useDraft'
import { useStoredNumber } from '../hooks/useStoredNumber'
import { useMedia } from '../hooks/useMedia'
import { usePlay } from '../hooks/usePlay'
import { artifactTexts } from '../i18n/artifacts'
import { useMessages, useTexts } from '../i18n/messages'
import { playTexts } from '../i18n/play'
import { playFiles } from '../i18n/play-files'
import { Button } from '../ui/Button'
import { Note } from '../ui/Note'
import { Splitter } from '../ui/Splitter'
import { TabButton } from '../ui/TabButton'
import { baseOf } from '../util/base-language'
import { carriedInput, carryInput } from '../util/carry-input'
import { marksOf, placeOfFile, type Mark } from '../util/compiler'
import { patternFault, patternsOf } from '../util/artifacts'
import { bytes } from '../util/format'
import { draftBefore, forgetBefore, handOver, keepLanguage, keepVersion } from '../util/drafts'
import { storedRun } from '../util/stored-run'
import { isElsewhere } from '../util/keys'
import { languageName } from '../util/language'
import type { CannotRun as Why } from '../util/language-choice'
import { exceptionMarks } from '../util/outcome'
import { WIDE } from '../util/panes'
import { boundedLimits, freshPath, isUnclosed, limitFaults, MODE_KEY, PLAY_SLUG, playOf, previewOf, REQUEST_BYTES_MAX, requestBytes, requestOf, sharedSlug, textOf, type Play, type PlayFile } from '../util/play'
import { freshText } from '../util/starters'
import { read, write } from '../util/storage'
import { visible } from '../util/visible'
import type { TerminalHandle } from '../terminal/Terminal'
import { DraftHistory, OfferedNote } from './DraftHistory'
import { EditorSettings } from './EditorSettings'
import { LanguagePicker } from './LanguagePicker'
import { lazyPart } from './LazyPart'
import { NeedsAccount, PlayBar } from './PlayBar'
import { PlayConsole } from './PlayConsole'
import { PlayFiles } from './PlayFiles'
import { DownloadButton, PlayShare, SharedActions } from './PlayShare'
import type { OnLine } from './RunTexts'
import { CodeSkeleton } from './Skeletons'
import { SymbolRow } from './SymbolRow'

const CannotRun = lazyPart(async () => (await import('./CannotRun')).CannotRun)
const Editor = lazyPart(async () => (await loadEditor()).Editor)

/** Maximum number of output parts that wait while the terminal loads. The oldest are dropped. */
const EARLY_PARTS_MAX = 1_000
/** Size of a terminal that is not loaded yet. */
const SIZE = { cols: 80, rows: 24 }

/** Time for which the notice of a deleted file is shown, unless a run begins or a file is added. */
const REMOVED_SHOWN_MS = 20_000

const NO_MARKS: Mark[] = []

export type InputMode = 'text' | 'terminal'
type Pane = 'code' | 'result'

interface PlayWorkspaceProps {
  /** `undefined` for a visitor who is not signed in. */
  user: string | undefined
  /** Whether a visitor of this page may run programs as a guest. */
  mayBeGuest: boolean
  language: Schema['LanguageView']
  languages: Schema['LanguageView'][]
  /** Why the language cannot run now; `undefined` if it can. */
  cannotRun: Why | undefined
  onLanguage: (id: string) => void
  /** A shared program, whose files do not change. */
  shared?: { id: string; play: Play; isEmbedded: boolean }
}

export function PlayWorkspace({ user, mayBeGuest, language, languages, cannotRun, onLanguage, shared }: PlayWorkspaceProps) {
  const m = useMessages()
  const t = useTexts(artifactTexts)
  const p = useTexts(playTexts)
  const f = useTexts(playFiles)
  const { options } = p
  const isWide = useMedia(WIDE)
  const main = language.source_file
  const [fresh] = useState(() => freshText(language, shared === undefined ? carriedInput(user) : undefined))
  const place = { user, slug: PLAY_SLUG, language: language.language_id }
  const start = shared === undefined ? fresh : textOf(shared.play)
  // Input, arguments and limits of a shared program can be changed here. Its files cannot.
  const preview = (text: string) => previewOf(playOf(text, main), { args: m.play.args, input: m.play.input })
  const draft = useDraft(shared === undefined ? place : { ...place, slug: sharedSlug(shared.id) }, start, shared === undefined, preview)
  const programOf = (text: string): Play => ({ ...playOf(text, main), ...(shared !== undefined && { files: shared.play.files, ...(shared.play.title !== undefined && { title: shared.play.title }) }) })
  const play = programOf(draft.text)
  const [before, setBefore] = useState(() => (shared === undefined ? draftBefore(place) : null))
  const [hasTakenBack, setHasTakenBack] = useState(false)
  const navigate = useNavigate()
  const [selected, setSelected] = useState(0)
  const [removed, setRemoved] = useState<{ path: string; before: string }>()
  const [size, setSize] = useEditorSize()
  const [share, setShare] = useStoredNumber('cupel.play-share', 54, 25, 75)
  const runPlace = `${user ?? ''}/${shared?.id ?? language.language_id}`
  const view: Pane = useSearch({ strict: false }).view === 'result' ? 'result' : 'code'
  // A program in progress is shown.
  const [pane, setPane] = useState<Pane>(() => (storedRun(runPlace) === undefined ? view : 'result'))
  // The pane with the focus stays in view when the window becomes narrow.
  const [wasWide, setWasWide] = useState(isWide)
  if (wasWide !== isWide) {
    setWasWide(isWide)
    const focused = document.activeElement?.closest('[data-editor], [data-console]')
    if (!isWide && focused) setPane(focused.matches('[data-editor]') ? 'code' : 'result')
  }
  const known = useRef(view)
  // After Back.
  useEffect(() => {
    if (known.current !== view) setPane(view)
    known.current = view
  }, [view])
  /** Shows a pane at once. In a narrow window, the URL has the pane, so that Back returns to the pane before. */
  const go = (next: Pane) => {
    setPane(next)
    if (isWide || next === pane || next === view || shared?.isEmbedded === true) return
    known.current = next
    void navigate({ to: '.', search: next === 'result' ? { view: next } : {}, resetScroll: false })
  }
  // If a run was in progress before a reload, its mode is used, because its output belongs to the same console.
  const [mode, setMode] = useState<InputMode>(() => (storedRun(runPlace)?.isTerminal ?? (shared?.play.isTerminal === true || ((shared === undefined || shared.play.stdin === '') && read(MODE_KEY) === 'terminal'))) ? 'terminal' : 'text')
  const limits = boundedLimits(language, play.limits ?? {})
  const [fault, setFault] = useState<string>()
  /** How often a visitor has asked for what needs an account, since the last run. */
  const [asks, setAsks] = useState(0)
  /** Whether the last time was for Share. Its notice is beside that button. */
  const [asksToShare, setAsksToShare] = useState(false)
  const [isSharing, setIsSharing] = useState(false)
  const [skipped, setSkipped] = useState(0)
  const skip = (bytes: number) => setSkipped((before) => before + bytes)
  const [patterns, setPatterns] = useState<string[]>()
  const editor = useRef<EditorHandle>(null)
  const terminal = useRef<TerminalHandle>(null)
  /** Whether the terminal gets the focus as soon as it is loaded, because a run in it has begun. */
  const isToFocus = useRef(false)
  const early = useRef<Uint8Array[]>([])
  const run = usePlay({
    write: (bytes, isRepeated) => {
      if (terminal.current !== null) return terminal.current.write(bytes, isRepeated)
      early.current.push(bytes)
      if (early.current.length > EARLY_PARTS_MAX) skip(early.current.shift()?.length ?? 0)
    },
    reset: () => {
      early.current = []
      terminal.current?.reset()
    },
  }, runPlace)
  // The draft's history still has the file when its notice has gone.
  useEffect(() => {
    if (removed === undefined) return
    const timer = setTimeout(() => setRemoved(undefined), REMOVED_SHOWN_MS)
    return () => clearTimeout(timer)
  }, [removed])
  const isLive = run.state.kind === 'live'
  /** A visitor who cannot run programs as a guest. */
  const isSignedOut = user === undefined && !mayBeGuest
  const file = play.files[Math.min(selected, play.files.length - 1)] ?? { path: main, text: '' }
  const at = play.files.indexOf(file)
  // The files with which the run started. The compiler's marks refer to these files. The editor moves the marks with
  // later changes.
  const begun = useRef<PlayFile[]>([])
  const { result } = run.state
  const marks = useMemo(() => {
    const output = result?.compilation_error ?? (result?.compile?.ok === true ? result.compile.output : '')
    const isOther = begun.current.find((one) => one.path === file.path)?.text !== file.text
    if (output === '' && result !== undefined && !isOther) return exceptionMarks(result, file.path, file.path === main)
    return output === '' || isOther ? NO_MARKS : marksOf(output, file.path)
  }, [result, file.path])
  const change = (next: Partial<Play>) => {
    setFault(undefined)
    draft.change(textOf({ ...programOf(draft.now()), ...next }))
  }

  const begin = () => {
    if (isLive || cannotRun !== undefined) return
    setAsks(isSignedOut ? asks + 1 : 0)
    setAsksToShare(false)
    if (isSignedOut) return
    const isTerminal = mode === 'terminal'
    const play = programOf(draft.now())
    const request = requestOf(language, play, limits, isTerminal)
    const length = requestBytes(request)
    const ofPatterns = patternFault(play.keep)
    const beyond = limitFaults(language, play.limits)
    const unclosed = ([[m.play.args, play.args], [options.compiler, language.compiled ? play.compilerArgs : ''], [t.keep, play.keep]] as const).find(([, line]) => isUnclosed(line))
    const ofOptions =
      unclosed !== undefined ? m.pair(unclosed[0], options.unclosed) : beyond.cpuMs !== undefined ? m.pair(m.play.cpu, options.between(beyond.cpuMs[0] / 1000, beyond.cpuMs[1] / 1000)) : beyond.memoryKb && m.pair(m.play.memory, options.between(beyond.memoryKb[0] / 1024, beyond.memoryKb[1] / 1024))
    const wrong =
      play.files[0]?.text.trim() === ''
        ? m.editor.empty
        : length > REQUEST_BYTES_MAX
          ? m.play.tooLarge(bytes(length), bytes(REQUEST_BYTES_MAX))
          : (ofOptions ?? (ofPatterns && t.faults[ofPatterns]))
    setFault(wrong)
    if (wrong !== undefined) return
    draft.keep()
    setRemoved(undefined)
    setHasTakenBack(false)
    setSkipped(0)
    setPatterns(patternsOf(play.keep))
    begun.current = play.files
    go('result')
    run.start(request, isTerminal ? (terminal.current?.size() ?? SIZE) : undefined)
    isToFocus.current = isTerminal && terminal.current === null
    if (isTerminal) requestAnimationFrame(() => terminal.current?.focus())
  }
  const keys = useRef(begin)
  useEffect(() => {
    keys.current = begin
  })
  useEffect(() => {
    const key = (event: KeyboardEvent) => {
      if (event.defaultPrevented || isElsewhere(event) || !(event.ctrlKey || event.metaKey)) return
      if (event.key === 'Enter' || event.key === "'") keys.current()
    }
    addEventListener('keydown', key)
    return () => removeEventListener('keydown', key)
  }, [])

  // A run in the terminal is followed only when the terminal exists (`ready`).
  const follow = useRef(run.follow)
  useEffect(() => {
    follow.current = run.follow
  })
  useEffect(() => {
    if (storedRun(runPlace)?.isTerminal === false) follow.current()
  }, [user, runPlace])
  const ready = (handle: TerminalHandle | null) => {
    terminal.current = handle
    if (handle === null) return
    for (const part of early.current) handle.write(part, false)
    early.current = []
    const { cols, rows } = handle.size()
    if (storedRun(runPlace)?.isTerminal === true) run.follow()
    run.resize(cols, rows)
    if (isToFocus.current) handle.focus()
    isToFocus.current = false
  }
  const goTo: OnLine = (line, path) => {
    // The editor of the file may be hidden until the page is drawn again. The next key must already reach the editor.
    flushSync(() => {
      go('code')
      setSelected(path === undefined ? 0 : Math.max(0, placeOfFile(play.files, path)))
    })
    editor.current?.goTo(line)
  }
  const choose = (next: InputMode) => {
    write(MODE_KEY, next)
    setMode(next)
  }
  const changeLanguage = (id: string) => {
    carryInput(play, { ...place, language: id }, languages.find((one) => one.language_id === id)?.source_file ?? main)
    onLanguage(id)
  }
  const fork = () => {
    const isStored = handOver(place, textOf(play), fresh)
    if (!isStored) return setFault(m.editor.notReplaced)
    keepLanguage(PLAY_SLUG, language.language_id)
    write(MODE_KEY, mode)
    void navigate({ to: '/playground' })
  }
  /** The user has decided about the program before. Another tab or device may offer the same program. */
  const decide = () => {
    if (draft.offered?.text === before) draft.dismissOffered()
    forgetBefore(place)
    setBefore(null)
  }
  useEffect(() => {
    if (before === draft.text) decide()
  }, [before, draft.text])
  /** Restores a version of the history. The program before stays in the history. */
  const restore = (text: string) => {
    const isStored = before === null || keepVersion(place, before, 'replaced', false)
    if (!draft.replace(text)) return false
    setHasTakenBack(false)
    if (before !== null && isStored) decide()
    return true
  }
  // The panes scroll, so they need less height than those of a problem.
  const height = `workspace min-h-[180px] ${shared?.isEmbedded === true ? 'workspace-alone' : ''}`
  /** The language of a file, for syntax highlighting. */
  const dialect = (path: string) => {
    const extension = /\.([^./]+)$/.exec(path)?.[1] ?? ''
    const known = language.extensions.includes(extension) ? language : languages.find((one) => one.extensions.includes(extension))
    return path === main ? baseOf(language) : known === undefined ? 'text' : baseOf(known)
  }

  const askToShare = () => {
    setAsks(asks + 1)
    setAsksToShare(true)
  }
  const needsAccount = asks > 0 && user === undefined && shared?.isEmbedded !== true ? <NeedsAccount key={asks} what={asksToShare ? m.play.share : m.run.run} /> : undefined

  const left = (
    <>
      {shared?.play.title !== undefined && (
        <h1 data-spare title={visible(shared.play.title)} className="shrink-0 low:sr-only px-4 pt-2 bg-surface text-lg font-semibold wrap-anywhere line-clamp-2">
          {visible(shared.play.title)}
        </h1>
      )}
      {/* In a low window, the files are beside the buttons, except while the panel of the link needs the whole width. */}
      <div data-spare className={isSharing ? undefined : 'low:flex low:*:last:grow low:*:last:min-w-0'}>
        <div className="flex flex-wrap items-center gap-1 px-2 py-1.5 low:py-0 border-b border-border bg-surface">
          {shared === undefined ? (
            <>
              <LanguagePicker languages={languages} value={language.language_id} onChange={changeLanguage} className="min-w-24 max-w-56 max-sm:basis-24 max-sm:grow max-sm:max-w-none" />
              <span className="grow max-sm:hidden" />
            </>
          ) : (
            <span className="px-2 grow basis-0 min-w-16 truncate" title={languageName(language)}>
              <span className="max-sm:sr-only">{m.play.shared} · </span>
              {m.play.readOnly} · {languageName(language)}
            </span>
          )}
          {shared === undefined ? (
            <PlayShare key={mode + textOf({ ...play, title: '' })} language={language} play={play} isTerminal={mode === 'terminal'} isSignedIn={user !== undefined} onAskSignIn={askToShare} onTitle={(title) => change({ title })} onOpen={setIsSharing} />
          ) : (
            <SharedActions id={shared.id} isEmbedded={shared.isEmbedded} onFork={fork} />
          )}
          {asksToShare && needsAccount !== undefined && <div className="order-last basis-full px-2 py-1">{needsAccount}</div>}
          {shared === undefined && <DraftHistory of={place} draft={{ ...draft, replace: restore }} start={start} preview={preview} />}
          <DownloadButton play={play} />
          <EditorSettings size={size} onSize={setSize} />
        </div>
        <PlayFiles
          files={play.files}
          selected={at}
          isReadOnly={shared !== undefined}
          onSelect={setSelected}
          onAdd={() => {
            const path = freshPath(play.files, language.extensions[0] ?? 'txt')
            change({ files: [...play.files, { path, text: '' }] })
            setRemoved(undefined)
            setSelected(play.files.length)
            return path
          }}
          onRename={(path) => {
            change({ files: play.files.map((one, index) => (index === at ? { ...one, path } : one)) })
            requestAnimationFrame(() => editor.current?.focus())
          }}
          onRemove={(isNew) => {
            setRemoved(isNew ? undefined : { path: file.path, before: draft.text })
            change({ files: play.files.filter((_, index) => index !== at) })
            setSelected(at - 1)
          }}
        />
      </div>
      {draft.other !== undefined && (
        <Note text={m.editor.otherTab}>
          <Button onClick={draft.takeOther}>{m.editor.loadOther}</Button>
          <Button onClick={draft.keepMine}>{m.editor.keepMine}</Button>
        </Note>
      )}
      {before === null && <OfferedNote draft={draft} />}
      {before !== null && (
        <Note text={p.replaced}>
          <Button
            onClick={() => {
              const replaced = draft.text
              if (!draft.replace(before, true)) return
              setHasTakenBack(replaced !== start)
              decide()
            }}
          >
            {p.takeBack}
          </Button>
          <Button look="quiet" onClick={decide}>
            {p.dropBefore}
          </Button>
        </Note>
      )}
      {hasTakenBack && (
        <Note text={p.tookBack}>
          <Button look="quiet" onClick={() => setHasTakenBack(false)}>
            {m.close}
          </Button>
        </Note>
      )}
      {removed !== undefined && (
        <Note text={f.removed(visible(removed.path))}>
          <Button
            onClick={() => {
              // Only the removed file is restored, because other files may have changed since.
              const lost = playOf(removed.before, main).files.find((one) => one.path === removed.path)
              const path = play.files.some((one) => one.path === removed.path) ? freshPath(play.files, language.extensions[0] ?? 'txt') : removed.path
              if (lost !== undefined) change({ files: [...play.files, { ...lost, path }] })
              setSelected(play.files.length)
              setRemoved(undefined)
            }}
          >
            {m.editor.undo}
          </Button>
          <Button look="quiet" onClick={() => setRemoved(undefined)}>
            {m.close}
          </Button>
        </Note>
      )}
      {!draft.isStored && <Note text={m.editor.notKept} />}
      {draft.isRefused && <Note text={m.editor.notReplaced} />}
      <div role="tabpanel" id={`panel-file-${at}`} aria-labelledby={`tab-file-${at}`} className="grow basis-0 min-h-32 low:min-h-0 relative" style={{ '--editor-size': `${size}px` } as React.CSSProperties}>
        <Editor
          waiting={<CodeSkeleton />}
          key={file.path}
          isReadOnly={shared !== undefined}
          marks={marks}
          ref={editor}
          value={file.text}
          revision={draft.revision}
          language={dialect(file.path)}
          label={m.parts([m.pair(m.editor.label, visible(file.path)), m.editor.leave])}
          onChange={(text) => change({ files: play.files.map((one, index) => (index === at ? { ...one, text } : one)) })}
          onRun={begin}
          onSubmit={begin}
        />
      </div>
    </>
  )
  // Below the column that scrolls, so that it covers no code.
  const symbols = shared === undefined && <SymbolRow editor={editor} language={dialect(file.path)} />
  const right = (
    <PlayConsole
      run={run}
      mode={mode}
      play={play}
      language={language}
      limits={limits}
      patterns={patterns}
      skipped={skipped}
      onMode={choose}
      onChange={change}
      onLimits={(requested) => change({ limits: requested })}
      onLine={goTo}
      onSkip={skip}
      onReady={ready}
    />
  )
  const note = cannotRun !== undefined ? <CannotRun language={language} why={cannotRun} isOwn={shared === undefined} /> : asksToShare ? undefined : needsAccount
  const bar = <PlayBar isNarrow={!isWide} run={run} fault={fault} note={note} mayRun={!isLive && cannotRun === undefined} isSignedOut={isSignedOut} onRun={begin} />

  const panel = (id: Pane) => !isWide && { role: 'tabpanel', id: `panel-${id}`, 'aria-labelledby': `tab-${id}` }
  // One tree for both layouts: when a window becomes wider or narrower, the editor, the terminal and the run stay.
  return (
    <div className={`relative flex ${isWide ? '' : 'flex-col'} ${height}`}>
      {!isWide && (
        <div role="tablist" className="flex gap-1 px-2 border-b border-border bg-surface shrink-0 scroll-x">
          <TabButton id="code" isSelected={pane === 'code'} onClick={() => go('code')}>
            {m.problem.code}
          </TabButton>
          <TabButton id="result" isSelected={pane === 'result'} onClick={() => go('result')}>
            {p.playTab}
          </TabButton>
        </div>
      )}
      <div className={isWide ? 'flex flex-col min-w-0 min-h-0' : 'contents'} style={{ width: `${share}%` }}>
        <div {...panel('code')} className={isWide || pane === 'code' ? 'relative flex flex-col grow min-h-0 overflow-y-auto overflow-x-hidden' : 'hidden'}>
          {left}
        </div>
        {(isWide || pane === 'code') && symbols}
      </div>
      {isWide && <Splitter label={p.split} orientation="vertical" value={share} min={25} max={75} onChange={setShare} />}
      <div className={isWide ? 'flex flex-col grow min-w-0 min-h-0 basis-0' : 'contents'}>
        <div {...panel('result')} className={isWide || pane === 'result' ? 'flex flex-col grow min-h-0' : 'hidden'}>
          {right}
        </div>
        {bar}
      </div>
    </div>
  )
}
