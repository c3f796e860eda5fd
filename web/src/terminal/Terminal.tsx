// A terminal (xterm.js), loaded when it is first opened. Programs can write any bytes to the terminal. So its
// scrollback is bounded, its links do nothing, and it never sets the title or the clipboard.
import { FitAddon } from '@xterm/addon-fit'
import { Terminal as Xterm } from '@xterm/xterm'
import '@xterm/xterm/css/xterm.css'
import { useEffect, useRef } from 'react'
import { useTexts } from '../i18n/messages'
import { terminalTexts } from '../i18n/terminal'
import { copyText } from '../util/copy'
import { Feed } from '../util/feed'
import { terminalTheme } from './colours'
import { defineTerminalStyle } from './style'
import { TerminalText } from './TerminalText'
import { scrollByTouch } from './touch'

/** Number of lines kept above the window. */
const SCROLLBACK_LINES = 5_000
const SCROLLBAR_PX = 8
/** Size of the text as a share of the page's text, which follows the font size of the browser. */
const TEXT_SHARE = 13 / 14
/** Minimum contrast. Colours of a program with less contrast are adjusted. Source: WCAG 2.2, 1.4.3. */
const CONTRAST = 4.5

/**
 * What xterm.js sends in answer to a query of a program: a status, the position of the cursor, attributes, a mode, a size, a colour or a setting.
 * Source: xterm.js, `InputHandler.ts`.
 */
const ANSWER = /^\x1b(?:\[[?>]?[\d;]*\$?[cnRty]$|\]\d|P)/

export interface TerminalHandle {
  /** `isRepeated`: what xterm.js answers to queries in the output is not sent. */
  write: (bytes: Uint8Array, isRepeated: boolean) => void
  reset: () => void
  focus: () => void
  size: () => { cols: number; rows: number }
}

/** How the content of a terminal is shown. */
export interface TerminalModes {
  /** Whether screen readers read the output. This mode is slower. */
  isSpoken: boolean
  /** Whether the content is shown as plain text. Nothing can be typed meanwhile. */
  isText: boolean
}

export const USUAL_MODES: TerminalModes = { isSpoken: false, isText: false }

interface TerminalProps {
  label: string
  /** Whether typed text is sent to a program. */
  isLive: boolean
  modes: TerminalModes
  onType: (text: string) => void
  onSize: (cols: number, rows: number) => void
  /** Called when output was omitted because the terminal was too slow. */
  onSkip: (bytes: number) => void
  onReady: (handle: TerminalHandle | null) => void
}

export function Terminal(props: TerminalProps) {
  const { label, isLive, modes } = props
  const { tooMuch } = useTexts(terminalTexts)
  const { isSpoken, isText } = modes
  const host = useRef<HTMLDivElement>(null)
  const made = useRef<Xterm>(null)
  // The current properties. The terminal is created once, so it reads them through this reference.
  const act = useRef(props)
  useEffect(() => {
    act.current = props
  })

  useEffect(() => {
    const place = host.current
    if (place === null) return
    defineTerminalStyle()
    const xterm = new Xterm({
      scrollback: SCROLLBACK_LINES,
      minimumContrastRatio: CONTRAST,
      fontFamily: "'JetBrains Mono Variable', ui-monospace, 'DejaVu Sans Mono', monospace",
      fontSize: Math.round(TEXT_SHARE * parseFloat(getComputedStyle(document.documentElement).fontSize)),
      theme: terminalTheme(),
      // The width of the scrollbar.
      overviewRuler: { width: SCROLLBAR_PX },
      // The text of a program's link may differ from its target, so links do nothing.
      linkHandler: { activate: () => {} },
      disableStdin: true,
    })
    const fit = new FitAddon()
    xterm.loadAddon(fit)
    xterm.open(place)
    xterm.textarea?.setAttribute('aria-label', act.current.label)
    xterm.attachCustomKeyEventHandler((event) => {
      // Keys that the page handles: Run, and leaving the terminal.
      const isRun = (event.ctrlKey || event.metaKey) && (event.key === 'Enter' || event.key === "'")
      const isCopy = event.ctrlKey && event.shiftKey && event.key.toLowerCase() === 'c'
      if (isCopy && event.type === 'keydown') {
        event.preventDefault()
        const text = xterm.getSelection()
        if (text !== '') void copyText(text)
      }
      return !isRun && !isCopy && !(event.key === 'Tab' && event.shiftKey)
    })
    const repeated = new WeakSet<ArrayBufferLike>()
    /** Whether xterm.js reads output that an earlier page has shown. A user may type meanwhile. */
    let isRepeated = false
    xterm.onData((text) => {
      if (!isRepeated || !ANSWER.test(text)) act.current.onType(text)
    })
    xterm.onResize(({ cols, rows }) => act.current.onSize(cols, rows))
    const feed = new Feed(
      (bytes, done) => {
        isRepeated = repeated.has(bytes.buffer)
        xterm.write(bytes, () => {
          isRepeated = false
          done()
        })
      },
      (bytes) => act.current.onSkip(bytes),
    )
    // After a change of its size, xterm.js may leave the end of the output. The view is held there until the user scrolls or types.
    const isAtEnd = () => xterm.buffer.active.viewportY >= xterm.buffer.active.baseY
    let isHeld = true
    const release = () => {
      isHeld = false
    }
    for (const name of ['wheel', 'touchmove', 'pointerdown', 'keydown']) place.addEventListener(name, release, { capture: true, passive: true })
    xterm.onRender(() => isHeld && !isAtEnd() && xterm.scrollToBottom())
    let isInView = true
    const refit = () => {
      // A hidden pane has no size. A new size while xterm.js believes to be out of view would give its scrollbar wrong lengths.
      if (!isInView || place.clientWidth === 0 || place.clientHeight === 0) return
      isHeld ||= isAtEnd()
      fit.fit()
    }
    refit()
    const sizes = new ResizeObserver(refit)
    sizes.observe(place)
    // Called after the observer of xterm.js, which was created before.
    const views = new IntersectionObserver((entries) => {
      isInView = entries.at(-1)?.isIntersecting === true
      refit()
    })
    views.observe(place)
    const themes = new MutationObserver(() => {
      xterm.options.theme = terminalTheme()
    })
    themes.observe(document.documentElement, { attributes: true, attributeFilter: ['class'] })
    // The cells are measured again when the font has been loaded.
    void document.fonts.ready.then(refit)
    const endTouch = scrollByTouch(xterm, place)
    made.current = xterm
    act.current.onReady({
      write: (bytes, isRepeated) => {
        if (isRepeated) repeated.add(bytes.buffer)
        feed.push(bytes)
      },
      reset: () => {
        feed.clear()
        xterm.reset()
      },
      focus: () => xterm.focus(),
      size: () => ({ cols: xterm.cols, rows: xterm.rows }),
    })
    return () => {
      act.current.onReady(null)
      themes.disconnect()
      sizes.disconnect()
      views.disconnect()
      endTouch()
      feed.clear()
      xterm.dispose()
      made.current = null
    }
  }, [])

  useEffect(() => {
    if (made.current !== null) made.current.options.disableStdin = !isLive
  }, [isLive])
  useEffect(() => {
    if (made.current !== null) made.current.options.screenReaderMode = isSpoken
  }, [isSpoken])
  useEffect(() => {
    made.current?.textarea?.setAttribute('aria-label', label)
  }, [label])
  useEffect(() => {
    Xterm.strings.tooMuchOutput = tooMuch
  }, [tooMuch])

  return (
    <div className="relative h-full min-h-0">
      {/* The terminal keeps its size behind the text, so that the program gets no other window size. */}
      <div ref={host} data-terminal inert={isText} className="h-full min-h-0 overflow-hidden" />
      {isText && made.current !== null && <TerminalText xterm={made.current} />}
    </div>
  )
}

/** The settings below a terminal. */
export function TerminalSettings({ modes, onModes }: { modes: TerminalModes; onModes: (modes: TerminalModes) => void }) {
  const x = useTexts(terminalTexts)
  const setting = (name: keyof TerminalModes, text: string) => (
    <label className="flex items-center gap-1.5 min-h-6 pointer-coarse:min-h-11 text-xs text-muted">
      <input type="checkbox" checked={modes[name]} onChange={(event) => onModes({ ...modes, [name]: event.target.checked })} className="accent-accent-text" />
      {text}
    </label>
  )
  return (
    <>
      {setting('isText', x.text)}
      {setting('isSpoken', x.spoken)}
    </>
  )
}

/** Keys that the keyboards of phones do not have, and the bytes that a terminal sends for them. */
const KEYS: [string, string][] = [
  ['Ctrl C', '\x03'],
  ['Ctrl D', '\x04'],
  ['Tab', '\t'],
  ['Esc', '\x1b'],
  ['↑', '\x1b[A'],
  ['↓', '\x1b[B'],
  ['←', '\x1b[D'],
  ['→', '\x1b[C'],
]

/** The row of keys below a terminal, on touch screens. */
export function TerminalKeys({ isLive, onType }: Pick<TerminalProps, 'isLive' | 'onType'>) {
  const x = useTexts(terminalTexts)
  return (
    <div role="group" aria-label={x.keys} className="hidden pointer-coarse:flex shrink-0 scroll-x bg-raised">
      {KEYS.map(([name, sent]) => (
        <button key={name} type="button" aria-disabled={!isLive} onPointerDown={(event) => event.preventDefault()} onClick={() => isLive && onType(sent)} className="shrink-0 grow max-w-20 min-w-10 px-1.5 h-11 active:bg-border aria-disabled:text-muted">
          {name}
        </button>
      ))}
    </div>
  )
}
