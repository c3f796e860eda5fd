// The source of an earlier submission, which cannot be changed here. The heading of the result has its time and language.
import { ChevronRight } from 'lucide-react'
import type { Result } from '../hooks/useJudging'
import { useMessages, useTexts } from '../i18n/messages'
import { submissionTexts } from '../i18n/submissions'
import { CopyButton } from '../ui/CopyButton'
import { visible } from '../util/visible'

export function EarlierSubmission({ result }: { result: Result }) {
  const s = useTexts(submissionTexts)
  return (
    <section aria-label={s.sent} className="rounded-md border border-border bg-surface divide-y divide-border">
      {result.files?.map((file, _, all) => file.content != null && <Source key={file.path} text={file.content} path={all.length > 1 ? file.path : undefined} />)}
    </section>
  )
}

/** `path`: the path of the file, if there are several files. */
function Source({ text, path }: { text: string; path: string | undefined }) {
  const m = useMessages()
  const title = path === undefined ? m.problem.source : visible(path)
  return (
    <details className="group">
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
