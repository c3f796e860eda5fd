// The source of an earlier submission, which cannot be changed here. The heading of the result has its time and language.
import { ChevronRight } from 'lucide-react'
import { useEffect, useRef } from 'react'
import type { Result } from '../hooks/useJudging'
import { useMessages, useTexts } from '../i18n/messages'
import { submissionTexts } from '../i18n/submissions'
import { CopyButton } from '../ui/CopyButton'
import { visible } from '../util/visible'

/** `asked`: the line to show. Another object asks again. */
export function EarlierSubmission({ result, asked }: { result: Result; asked: { line: number } | undefined }) {
  const s = useTexts(submissionTexts)
  return (
    <section aria-label={s.sent} className="rounded-md border border-border bg-surface divide-y divide-border">
      {result.files?.map((file, at, all) => file.content != null && <Source key={file.path} text={file.content} path={all.length > 1 ? file.path : undefined} asked={at === 0 ? asked : undefined} />)}
    </section>
  )
}

/** `path`: the path of the file, if there are several files. */
function Source({ text, path, asked }: { text: string; path: string | undefined; asked: { line: number } | undefined }) {
  const m = useMessages()
  const details = useRef<HTMLDetailsElement>(null)
  const mark = useRef<HTMLElement>(null)
  useEffect(() => {
    if (asked === undefined || details.current === null) return
    details.current.open = true
    mark.current?.scrollIntoView({ block: 'center' })
    mark.current?.focus({ preventScroll: true })
  }, [asked])
  const lines = visible(text).split('\n')
  const at = asked === undefined ? -1 : asked.line - 1
  const title = path === undefined ? m.problem.source : visible(path)
  return (
    <details ref={details} className="group">
      <summary className="flex items-center gap-1 px-3 min-h-9 pointer-coarse:min-h-11 list-none [&::-webkit-details-marker]:hidden cursor-pointer hover:bg-raised">
        <ChevronRight aria-hidden size={14} strokeWidth={1.5} className="group-open:rotate-90" />
        {title}
      </summary>
      <div className="flex justify-end px-1.5 py-0.5 border-t border-border">
        <CopyButton text={text} what={title} />
      </div>
      <pre tabIndex={0} aria-label={title} className="scroll-x px-3 pb-2 max-h-96 overflow-auto rounded-b-md bg-surface">
        {lines[at] === undefined ? (
          lines.join('\n')
        ) : (
          <>
            {lines.slice(0, at).map((line) => `${line}\n`)}
            <mark ref={mark} tabIndex={-1} className="bg-own text-inherit">
              {lines[at] || ' '}
            </mark>
            {lines.slice(at + 1).map((line) => `\n${line}`)}
          </>
        )}
      </pre>
    </details>
  )
}
