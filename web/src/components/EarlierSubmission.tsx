// An earlier submission: when it was sent, its language, its id and its source, which cannot be changed here.
import { ChevronRight } from 'lucide-react'
import type { Result } from '../hooks/useJudging'
import { useLanguage, useMessages, useTexts } from '../i18n/messages'
import { submissionTexts } from '../i18n/submissions'
import { CopyButton } from '../ui/CopyButton'
import { ago } from '../util/format'
import { visible } from '../util/visible'

export function EarlierSubmission({ result, language }: { result: Result; language: string }) {
  const { tag } = useLanguage()
  const s = useTexts(submissionTexts)
  const at = new Date(result.submitted_at)
  return (
    <section aria-label={s.earlier} className="rounded-md border border-border bg-surface">
      <p className="px-3 py-2 flex flex-wrap items-baseline gap-x-4 gap-y-0.5">
        <span className="font-medium">{s.earlier}</span>
        <time dateTime={result.submitted_at} title={ago(result.submitted_at, Date.now(), tag)}>
          {at.toLocaleString(tag, { dateStyle: 'medium', timeStyle: 'short' })}
        </time>
        <span>{language}</span>
        <span className="figure leading-5 text-muted break-all">{result.submission_id}</span>
      </p>
      {result.files?.map((file, _, all) => file.content != null && <Source key={file.path} text={file.content} path={all.length > 1 ? file.path : undefined} />)}
    </section>
  )
}

/** `path`: the path of the file, if there are several files. */
function Source({ text, path }: { text: string; path: string | undefined }) {
  const m = useMessages()
  const title = path === undefined ? m.problem.source : visible(path)
  return (
    <details className="group border-t border-border">
      <summary className="flex items-center gap-1 px-3 min-h-9 pointer-coarse:min-h-11 list-none [&::-webkit-details-marker]:hidden cursor-pointer hover:bg-raised">
        <ChevronRight aria-hidden size={14} strokeWidth={1.5} className="group-open:rotate-90" />
        {title}
      </summary>
      <div className="flex justify-end px-1.5 py-0.5 border-t border-border">
        <CopyButton text={text} what={title} />
      </div>
      <pre tabIndex={0} aria-label={title} className="scroll-x px-3 pb-2 max-h-96 overflow-auto rounded-b-md bg-surface">
        {visible(text)}
      </pre>
    </details>
  )
}
