// The statement of a problem, or another text of its package. Mathematics in it is typeset.
import { useLayoutEffect, useRef } from 'react'
import { addressOf, type Schema } from '../api/client'
import { useLanguage, useMessages } from '../i18n/messages'
import { buttonClass } from '../ui/Button'
import { sanitized } from '../util/sanitize'
import { withoutOverrides } from '../util/visible'

interface StatementProps {
  statement: Schema['StatementView'] | null | undefined
  /** The link to a text that is a file. The default says that it is the statement. */
  download?: string
}

/** The name of the language `code` in the language `tag`. Packages may have codes that no browser knows. */
function nameOf(code: string, tag: string): string {
  try {
    return new Intl.DisplayNames(tag, { type: 'language' }).of(code) ?? code
  } catch {
    return code
  }
}

export function Statement({ statement, download }: StatementProps) {
  const m = useMessages()
  const { tag } = useLanguage()
  if (statement === null || statement === undefined) return <p className="text-muted">{m.problem.noStatement}</p>
  const html = statement.html ?? (statement.format === 'html' ? statement.text : undefined)
  const file = statement.files[0]
  const isOther = statement.language.slice(0, 2) !== tag.slice(0, 2)
  return (
    <>
      {isOther && <p className="mb-2 text-sm text-muted">{m.problem.otherLanguage(nameOf(statement.language, tag))}</p>}
      {html !== undefined && html !== null && <Html html={html} files={statement.files} language={statement.language} />}
      {(html === undefined || html === null) && statement.text !== null && statement.text !== undefined && (
        <pre lang={statement.language} className="statement whitespace-pre-wrap break-words">
          {withoutOverrides(statement.text)}
        </pre>
      )}
      {(statement.text === null || statement.text === undefined) && (html === undefined || html === null) && file !== undefined && (
        <a href={addressOf(file.url)} className={buttonClass()} download>
          {download ?? m.problem.download}
        </a>
      )}
      {statement.truncated && <p className="mt-2 text-sm text-muted">{m.problem.truncated}</p>}
    </>
  )
}

interface HtmlProps {
  html: string
  /** Images that it may show. */
  files: Schema['FileView'][]
  language?: string | undefined
  /** Called with the content before it is shown. */
  onContent?: (content: DocumentFragment) => void
}

/** Lets the keyboard reach the parts that are wider than the text and scroll (`styles.css`). */
function makeReachable(text: HTMLElement): void {
  for (const part of text.querySelectorAll<HTMLElement>('pre, table, [data-math-style=display]')) {
    if (part.scrollWidth > part.clientWidth) part.tabIndex = 0
    else part.removeAttribute('tabindex')
  }
}

/** Markdown that the server has converted to HTML. */
export function Html({ html, files, language, onContent }: HtmlProps) {
  const place = useRef<HTMLDivElement>(null)
  // A layout effect, because the content below the text would otherwise move after the browser has painted it.
  useLayoutEffect(() => {
    const addresses = new Map(files.map(({ name, url }) => [name, addressOf(url)]))
    const content = sanitized(html, addresses)
    onContent?.(content)
    place.current?.replaceChildren(content)
    const math = place.current?.querySelectorAll<HTMLElement>('[data-math-style]') ?? []
    let isCurrent = true
    // The observer is also called at the start, and when formulas are typeset, because the height changes.
    const sizes = new ResizeObserver(() => place.current !== null && makeReachable(place.current))
    if (place.current !== null) sizes.observe(place.current)
    // Without the script, formulas stay as TeX.
    if (math.length > 0) void import('../util/math').then(({ typeset }) => typeset(math, () => isCurrent), () => undefined)
    return () => {
      isCurrent = false
      sizes.disconnect()
    }
  }, [html, files])
  return <div ref={place} lang={language} className="statement" />
}
