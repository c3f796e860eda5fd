// The texts of a run: a program's output, a compiler's messages, and the judge's message.
import { useLayoutEffect, useRef } from 'react'
import { editing } from '../i18n/editing'
import { useMessages, useTexts } from '../i18n/messages'
import { fileNamed, isExcerpt, lineNamed } from '../util/compiler'
import { orReport } from '../util/missing-script'
import { partsOf } from '../util/outcome'
import { shortened, visible } from '../util/visible'

/** Shows a one-based line of the source. `file`: as a message names it; `undefined` is the main file. */
export type OnLine = (line: number, file?: string) => void

/** A message of the judge, whose line of the source is a link to that line. */
export function LinkedMessage({ text, onLine }: { text: string; onLine: OnLine | undefined }) {
  const m = useMessages()
  const { inLine } = useTexts(editing)
  return partsOf(m.judge(text)).map(({ text, line, file }, at) => {
    const shown = line === undefined || file !== undefined ? visible(text) : inLine(line)
    return line === undefined || onLine === undefined ? (
      shown
    ) : (
      <button key={at} type="button" title={m.run.line(line)} onClick={() => onLine(line, file)} className="text-accent-text underline">
        {shown}
      </button>
    )
  })
}

interface TextProps {
  title: string
  text: string | null | undefined
  /** Whether an empty text is shown. */
  always?: boolean
  /** Whether the end of the text stays in view, unless the reader has scrolled up. */
  follows?: boolean
  /** The whole text, which can be downloaded if not all of it is shown. */
  whole?: string | null | undefined
  linesMax?: number
}

/** How far from the end a reader may be who reads the end, in pixels. */
const END_PX = 24

/** A text of the program. */
export function Text({ title, text, always = false, follows = false, whole, linesMax }: TextProps) {
  const m = useMessages()
  const e = useTexts(editing)
  const box = useRef<HTMLPreElement>(null)
  /** The height of the text that was shown last, in pixels. */
  const before = useRef(0)
  useLayoutEffect(() => {
    const element = box.current
    // A hidden box has no height and no position.
    if (!follows || element?.clientHeight === 0) return
    const height = element?.scrollHeight ?? 0
    // The position is compared with the text that the reader has seen. A scroll event would be late: the browser
    // sends it in the next frame.
    if (element !== null && element.scrollTop + element.clientHeight >= Math.min(before.current, height) - END_PX) element.scrollTop = height
    before.current = height
  }, [follows, text])
  if (text == null || (text === '' && !always)) return null
  const shown = shortened(text, linesMax)
  const isCut = shown.cut || (whole != null && whole.length > text.length)
  return (
    <div className="min-w-0">
      <h4 className="mb-1 text-sm text-muted">{title}</h4>
      <pre
        ref={box}
        tabIndex={0}
        aria-label={title}
        className="scroll-x px-3 py-2 max-h-60 overflow-auto rounded-md border border-border bg-surface"
      >
        {text === '' ? <span className="text-muted">{m.run.outputEmpty}</span> : visible(shown.text)}
      </pre>
      {isCut && (
        <p className="mt-0.5 flex flex-wrap items-center gap-x-3 text-xs text-muted">
          {m.problem.truncated}
          {whole != null && (
            <button type="button" onClick={() => void download(whole)} className="text-accent-text underline pointer-coarse:min-h-11">
              {e.download}
            </button>
          )}
        </p>
      )}
    </div>
  )
}

const download = (text: string) => orReport(import('../util/save')).then((loaded) => loaded?.save('output.txt', new Blob([text], { type: 'text/plain' })))

/**
 * A compiler's messages. A line that names a place in the source is a link to that place. Sentences wrap. Quoted source and the marks
 * below it do not, because the marks would point to other places; the box scrolls sideways.
 */
export function Compiler({ text, onLine }: { text: string; onLine: OnLine | undefined }) {
  const m = useMessages()
  const shown = shortened(text)
  const messages = shown.text.split('\n')
  return (
    <div>
      <h4 className="mb-1 text-sm text-muted">{m.run.compiler}</h4>
      <pre tabIndex={0} aria-label={m.run.compiler} className="scroll-x px-3 py-2 max-h-80 overflow-auto rounded-md border border-border bg-surface">
        {messages.map((message, at) => {
          const line = lineNamed(message, messages[at + 1])
          return (
            <span key={at} className={`block ${isExcerpt(message, messages[at + 1]) ? '' : 'whitespace-pre-wrap wrap-anywhere'}`}>
              {line === undefined || onLine === undefined ? (
                visible(message) || ' '
              ) : (
                <button type="button" title={m.run.line(line)} onClick={() => onLine(line, fileNamed(message))} className="text-left text-accent-text underline decoration-dotted">
                  {visible(message)}
                </button>
              )}
            </span>
          )
        })}
      </pre>
      {shown.cut && <p className="mt-0.5 text-xs text-muted">{m.problem.truncated}</p>}
    </div>
  )
}
