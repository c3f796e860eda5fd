// Editor, Run and Submit, and the result, for one problem and language. Remounted when either changes.
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { Play, RotateCcw, Send } from 'lucide-react'
import { useEffect, useMemo, useRef, useState, type ReactNode } from 'react'
import { flushSync } from 'react-dom'
import type { Schema } from '../api/client'
import { sessionQuery } from '../api/queries'
import type { EditorHandle } from '../editor/Editor'
import { loadEditor } from '../editor/load'
import { useEditorSize } from '../editor/settings'
import { useDraft } from '../hooks/useDraft'
import { useHere } from '../hooks/useHere'
import type { useJudging } from '../hooks/useJudging'
import { useStoredNumber } from '../hooks/useStoredNumber'
import { editing } from '../i18n/editing'
import { useMessages, useTexts } from '../i18n/messages'
import { Button, buttonClass } from '../ui/Button'
import { Note } from '../ui/Note'
import { Splitter } from '../ui/Splitter'
import { BESIDE_TABS } from '../ui/tab'
import { TabButton } from '../ui/TabButton'
import { baseOf } from '../util/base-language'
import { marksOf, type Mark } from '../util/compiler'
import { customInput, keepCustomInput } from '../util/custom-input'
import { keepVerdict, type DraftOf } from '../util/drafts'
import { bytes } from '../util/format'
import { isElsewhere } from '../util/keys'
import type { CannotRun as Why } from '../util/language-choice'
import { exceptionMarks } from '../util/outcome'
import { paneAbove } from '../util/panes'
import { isFunction, startOf } from '../util/skeletons'
import { DraftHistory, OfferedNote } from './DraftHistory'
import { EditorSettings } from './EditorSettings'
import { LanguagePicker } from './LanguagePicker'
import { lazyPart } from './LazyPart'
import { ResultView } from './ResultView'
import { Samples } from './Samples'
import { CodeSkeleton } from './Skeletons'
import { SymbolRow } from './SymbolRow'
import { ToSignIn } from './ToSignIn'

const CannotRun = lazyPart(async () => (await import('./CannotRun')).CannotRun)
const CustomInput = lazyPart(async () => (await import('./CustomInput')).CustomInput)
const Editor = lazyPart(async () => (await loadEditor()).Editor)
const ProblemTerminal = lazyPart(async () => (await import('./ProblemTerminal')).ProblemTerminal)

type Drawer = 'samples' | 'custom' | 'result' | 'terminal'

const NO_MARKS: Mark[] = []

export type Pane = 'code' | 'result'

interface WorkspaceProps {
  problem: Schema['ProblemView']
  of: DraftOf
  languages: Schema['LanguageView'][]
  language: Schema['LanguageView']
  /** Why the language cannot run now; `undefined` if it can. */
  cannotRun: Why | undefined
  judge: ReturnType<typeof useJudging>
  /** The contest in which the problem is shown, if it is. */
  contest: string | undefined
  /** The earlier submission that is shown, if one is. */
  opened: string | undefined
  /** Names of the languages by their ids. */
  names: ReadonlyMap<string, string>
  /** The pane that is shown on phones; `undefined` if both are shown. */
  pane: Pane | undefined
  onLanguage: (language: string) => void
  onLoad: (language: string, source: string) => void
  /** Opens the playground with an input and a program. The default program is the draft. */
  onPlay: (input: string, program?: { language: string; source: string }) => void
  /** Called when a run or submission has started. */
  onBegin: () => void
  onCode: () => void
  /** Code that was replaced from outside the editor, and the code that has replaced it. */
  replaced: { code: string; by: string } | undefined
  /** Said beside Submit. */
  submitNote?: React.ReactNode
  /** The place before the toolbar. */
  ref: React.Ref<HTMLDivElement>
}

export function Workspace({ problem, of, languages, language, cannotRun, judge, contest, opened, names, pane, onLanguage, onLoad, onPlay, onBegin, onCode, replaced, submitNote, ref }: WorkspaceProps) {
  const m = useMessages()
  const { drawer, loaded, starter, visitor } = useTexts(editing)
  const { slug } = problem.problem
  const here = useHere()
  const session = useQuery(sessionQuery)
  const editor = useRef<EditorHandle>(null)
  const start = startOf(problem, language)
  // The code of a function problem runs only with the problem's driver.
  const isProgram = !isFunction(problem)
  const draft = useDraft(of, start)
  useEffect(() => judge.noteCode(draft.text))
  const [size, setSize] = useEditorSize()
  const [share, setShare] = useStoredNumber('cupel.editor-share', 54, 20, 85)
  const [tab, setTab] = useState<Drawer>('result')
  const [usedTerminal, setUsedTerminal] = useState(false)
  const [custom, setCustom] = useState(() => customInput(of) ?? customInput({ ...of, user: undefined }) ?? { text: problem.samples[0]?.input ?? '', isUsed: false, isStored: true })
  /** Whether the custom input has been opened to be typed into. */
  const [asksForInput, setAsksForInput] = useState(false)
  const [fault, setFault] = useState<string>()
  /** The text that was replaced, and the text that has replaced it. */
  const [undo, setUndo] = useState(() => (replaced?.by === draft.text ? { before: replaced.code, by: replaced.by } : undefined))

  // While the terminal is shown, Run starts the program there.
  const [asked, setAsked] = useState(0)
  const [isInTerminal, setIsInTerminal] = useState(false)
  const runInTerminal = () => {
    if (isInTerminal) return
    const wrong = draft.now().trim() === '' ? m.editor.empty : undefined
    setFault(wrong)
    if (wrong !== undefined) return
    draft.keep()
    // On phones, the terminal may be hidden until the page is drawn again. It must have its size and take the focus.
    flushSync(onBegin)
    setAsked(asked + 1)
  }
  const begin = (isSubmission: boolean) => {
    const source = draft.now()
    const length = new TextEncoder().encode(source).length
    const most = problem.limits.source_bytes
    const isEmpty = source.trim() === ''
    const wrong = isEmpty ? m.editor.empty : isSubmission && isProgram && source === start ? starter : length > most ? m.editor.tooLong(bytes(length), bytes(most)) : undefined
    setFault(wrong)
    if (wrong !== undefined) return
    setTab('result')
    onBegin()
    draft.keep()
    // A user who submits the code has chosen it. The other version stays in the history.
    if (isSubmission) draft.dismissOffered()
    const solution = { slug, language: of.language, source }
    if (isSubmission) void judge.start('submission', solution)
    else if (custom.isUsed) void judge.start('input', { ...solution, input: custom.text })
    else void judge.start('samples', solution)
  }
  const isVisitor = session.data !== undefined && session.data.user == null
  /** A visitor who cannot run programs as a guest. */
  const isSignedOut = isVisitor && !session.data.guests_allowed
  const mayRun = !isSignedOut && cannotRun === undefined
  /** How often a visitor has asked for what needs an account, since the last run. Each time, the notice is announced. */
  const [asks, setAsks] = useState(0)
  const ask = () => {
    setFault(undefined)
    setAsks(asks + 1)
  }
  const run = () => {
    if (isSignedOut) return ask()
    setAsks(0)
    if (mayRun) tab === 'terminal' ? runInTerminal() : begin(false)
  }
  const submit = () => (isVisitor ? ask() : mayRun && begin(true))
  // Keys outside the editor. The editor handles the same keys itself.
  const keys = useRef({ run, submit })
  useEffect(() => {
    keys.current = { run, submit }
  })
  useEffect(() => {
    const key = (event: KeyboardEvent) => {
      // The window does not scroll, so that these keys would do nothing while nothing has the focus.
      if (event.target === document.body) {
        const share = { PageDown: 0.9, PageUp: -0.9, ' ': event.shiftKey ? -0.9 : 0.9, ArrowDown: 0.1, ArrowUp: -0.1 }[event.key]
        const pane = document.querySelector('.workspace [role=tabpanel]')
        if (share !== undefined) pane?.scrollBy(0, share * pane.clientHeight)
      }
      if (event.defaultPrevented || isElsewhere(event) || !(event.ctrlKey || event.metaKey)) return
      // In a text field, as in the playground, the keys run the program on the text.
      if (event.key === 'Enter' && !(event.target instanceof HTMLTextAreaElement)) keys.current.submit()
      else if (event.key === 'Enter' || event.key === "'") keys.current.run()
    }
    addEventListener('keydown', key)
    return () => removeEventListener('keydown', key)
  }, [])
  const goTo = (line: number) => {
    // On phones the editor is hidden until the page is drawn again. The next key must already reach the editor.
    flushSync(onCode)
    editor.current?.goTo(line)
  }
  const reset = () => {
    const replaced = draft.text
    if (draft.replace(start)) setUndo({ before: replaced, by: start })
  }

  // The result of an earlier submission, which is opened outside this component, also comes to the front.
  const isLive = judge.judging.kind === 'live' || judge.judging.kind === 'unsent'
  useEffect(() => {
    if (isLive) setTab('result')
  }, [isLive])
  const judged = judge.judging.kind === 'done' ? judge.judging.result : undefined
  useEffect(() => {
    const sent = judged?.files?.[0]?.content
    if (judged === undefined || sent == null || judged.verdict == null || judged.problem?.slug !== slug || judged.problem.purpose === 'custom_input') return
    keepVerdict({ ...of, language: judged.language ?? of.language }, { at: Date.parse(judged.submitted_at), bytes: new TextEncoder().encode(sent).length, verdict: judged.verdict, isSubmission: judged.problem.purpose === 'submission' })
  }, [judged])
  // The marks refer to the code that was judged. The editor moves them with later changes.
  const marks = useMemo(() => {
    const output = judged?.compilation_error ?? (judged?.compile?.ok === true ? judged.compile.output : '')
    const sent = judged?.files?.[0]?.content
    const isOther = judged?.language !== of.language || (sent != null && sent !== draft.text)
    if (output === '' && judged !== undefined && !isOther) return exceptionMarks(judged)
    return output === '' || isOther ? NO_MARKS : marksOf(output, isProgram ? language.source_file : undefined)
  }, [judged])

  const toolbar = (
    <div data-spare className="flex flex-wrap items-center gap-1 px-2 py-1.5 low:py-0 border-b border-border bg-surface">
      <LanguagePicker languages={languages} value={of.language} onChange={onLanguage} accepted={problem.limits.languages} className="min-w-24 max-w-56 max-sm:basis-24 max-sm:grow max-sm:max-w-none" />
      <span className="grow max-sm:hidden" />
      <DraftHistory of={of} draft={draft} start={start} />
      <EditorSettings size={size} onSize={setSize} />
      <Button look="quiet" className="px-2" onClick={reset} disabled={draft.text === start} aria-label={m.editor.reset} title={m.editor.reset}>
        <RotateCcw aria-hidden size={16} strokeWidth={1.5} />
      </Button>
    </div>
  )
  const notes = (
    <>
      {draft.other !== undefined && (
        <Note text={m.editor.otherTab}>
          <Button onClick={draft.takeOther}>{m.editor.loadOther}</Button>
          <Button onClick={draft.keepMine}>{m.editor.keepMine}</Button>
        </Note>
      )}
      <OfferedNote draft={draft} />
      {undo !== undefined && draft.text === undo.by && (
        <Note text={undo.by === start ? m.editor.resetDone : loaded}>
          <Button
            onClick={() => {
              if (draft.replace(undo.before)) setUndo(undefined)
            }}
          >
            {m.editor.undo}
          </Button>
        </Note>
      )}
      {!draft.isStored && <Note text={m.editor.notKept} />}
      {draft.isRefused && <Note text={m.editor.notReplaced} />}
    </>
  )
  const code = (
    <div className="grow min-h-0 relative" style={{ '--editor-size': `${size}px` } as React.CSSProperties}>
      <Editor waiting={<CodeSkeleton />} ref={editor} marks={marks} value={draft.text} revision={draft.revision} language={baseOf(language)} label={m.heading(m.editor.label) + m.editor.leave} onChange={draft.change} onRun={run} onSubmit={submit} />
    </div>
  )
  const symbols = <SymbolRow editor={editor} language={baseOf(language)} />
  const isBeside = pane !== undefined && fault === undefined && mayRun && asks === 0
  const runText = tab === 'terminal' ? drawer.start : m.run.run
  const bar = (
    <div className={`flex flex-wrap items-center justify-end gap-2 px-3 py-2 low:py-1 border-t border-border bg-surface ${isBeside ? `${BESIDE_TABS} low:-top-9 low:pointer-coarse:-top-11` : ''}`}>
      {fault !== undefined && (
        <p role="alert" className="w-full text-wrong">
          {fault}
        </p>
      )}
      {cannotRun !== undefined && (
        <CannotRun language={language} why={cannotRun} />
      )}
      {isSignedOut ? (
        <p key={asks} className={`grow basis-40 ${asks > 0 ? 'text-wrong' : ''}`} {...(asks > 0 && { role: 'alert' })}>
          {m.run.signInFirst}
        </p>
      ) : asks > 0 ? (
        <ToSignIn key={asks} role="alert" className="w-full" text={visitor.account(m.run.submit)} />
      ) : (
        <p className={`grow text-xs text-muted ${submitNote === undefined ? '' : 'basis-40'}`}>{submitNote ?? <span className="max-lg:hidden pointer-coarse:hidden">{m.editor.leave}</span>}</p>
      )}
      {isSignedOut ? (
        <Link to="/sign-in" search={{ then: here }} className={buttonClass('primary')}>
          {m.menu.signIn}
        </Link>
      ) : (
        <>
          <Button onClick={run} disabled={!mayRun || (tab === 'terminal' && isInTerminal)} title={`${tab === 'terminal' ? drawer.start : custom.isUsed ? drawer.runInput : drawer.runSamples}  Ctrl '`} className="min-w-24">
            <Play aria-hidden size={14} />
            {runText}
          </Button>
          <Button look="primary" onClick={submit} disabled={!mayRun} title={`${m.run.submit}  Ctrl Enter`} className="min-w-24">
            <Send aria-hidden size={14} />
            {m.run.submit}
          </Button>
        </>
      )}
    </div>
  )
  const open = (next: Drawer, asksForInput = false) => {
    setTab(next)
    setAsksForInput(asksForInput)
    if (next === 'terminal') setUsedTerminal(true)
  }
  const tabs: [Drawer, string][] = [
    ['samples', drawer.samples],
    ['custom', m.run.custom],
    ['result', drawer.verdict],
    ...(isProgram && !isSignedOut ? ([['terminal', drawer.terminal]] as [Drawer, string][]) : []),
  ]
  // The result and the terminal stay mounted while another part is shown, because the result is announced and the
  // terminal's program keeps running.
  const panel = (one: Drawer, content: ReactNode) => (
    <div role="tabpanel" id={`panel-drawer-${one}`} aria-labelledby={`tab-drawer-${one}`} tabIndex={0} className={`grow min-h-0 overflow-auto p-3 sm:p-4 ${tab === one ? '' : 'hidden'}`}>
      {content}
    </div>
  )
  const result = (
    <div className={`flex flex-col min-h-0 grow basis-0 ${pane === 'code' ? 'hidden' : ''}`}>
      <div role="tablist" className="flex gap-1 px-2 border-b border-border bg-surface shrink-0 scroll-x">
        {tabs.map(([one, text]) => (
          <TabButton key={one} isSelected={tab === one} onClick={() => open(one)} id={`drawer-${one}`}>
            {text}
            {one === 'custom' && custom.isUsed && <span className="ml-1.5 size-1.5 rounded-full bg-accent inline-block" />}
          </TabButton>
        ))}
      </div>
      {panel('result', <ResultView judging={judge.judging} unsent={judge.unsent} problem={problem} isSignedOut={isSignedOut} contest={contest} opened={opened} names={names} onLine={goTo} onLoad={onLoad} onPlay={onPlay} onOwnInput={() => open('custom', true)} source={draft.text} language={of.language} onSendAgain={(unsent) => (draft.keep(), judge.sendAgain(unsent))} onDrop={judge.drop} />)}
      {tab === 'custom' && panel('custom', <CustomInput waiting={<CodeSkeleton />} input={custom} isInteractive={problem.is_interactive} isFocused={asksForInput} onChange={(next) => setCustom(keepCustomInput(of, next))} />)}
      {tab === 'samples' && panel('samples', problem.samples.length === 0 ? <p className="text-muted">{drawer.noSamples}</p> : <Samples problem={problem} onPlay={(input) => onPlay(input)} />)}
      {usedTerminal &&
        panel(
          'terminal',
          <ProblemTerminal waiting={<p role="status">{m.loading}</p>} asked={asked} of={of} language={language} source={draft.text} onLine={goTo} onFault={setFault} onLive={setIsInTerminal} />,
        )}
    </div>
  )

  // One tree for both layouts: when a window becomes wider or narrower, the editor, the result and the terminal stay.
  const isWide = pane === undefined
  return (
    <div {...(isWide && { 'data-screen': '' })} className={`relative flex flex-col grow min-h-0 ${isWide ? 'basis-0 min-w-0' : ''}`}>
      {/* Not the whole workspace: a click on its background would take the focus from the page. */}
      <div ref={ref} tabIndex={-1} className="outline-none" />
      <div className={isWide ? 'flex flex-col shrink-0 min-h-0' : pane === 'code' ? 'flex flex-col grow min-h-0' : 'hidden'} style={isWide ? { height: paneAbove(share) } : undefined}>
        {toolbar}
        {notes}
        {code}
        {symbols}
      </div>
      {isWide && <Splitter label={m.problem.drawer} orientation="horizontal" value={share} min={20} max={85} onChange={setShare} />}
      {result}
      {bar}
    </div>
  )
}
