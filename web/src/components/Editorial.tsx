// The editorial of a problem. It is requested only when the person wants to see it or has solved the problem.
import { useQuery } from '@tanstack/react-query'
import { CallError } from '../api/client'
import { editorialQuery } from '../api/queries'
import { editorialTexts } from '../i18n/editorial'
import { useLanguage, useTexts } from '../i18n/messages'
import { Button } from '../ui/Button'
import { ErrorBox } from './ErrorBox'
import { StatementSkeleton } from './Skeletons'
import { Statement } from './Statement'

interface EditorialProps {
  slug: string
  /** Whether it is shown. Otherwise, a button that shows it is in its place. */
  isShown: boolean
  onShow: () => void
}

export function Editorial({ slug, isShown, onShow }: EditorialProps) {
  const e = useTexts(editorialTexts)
  const { tag } = useLanguage()
  const found = useQuery({ ...editorialQuery(slug, tag.slice(0, 2)), enabled: isShown })
  if (!isShown) {
    return (
      <div className="py-8 text-center">
        <p className="font-semibold">{e.spoiler}</p>
        <p className="mt-1 text-muted">{e.spoilerDetail}</p>
        <Button
          className="mt-4"
          onClick={(event) => {
            // The button disappears, so the panel gets the focus.
            event.currentTarget.closest<HTMLElement>('[role=tabpanel]')?.focus()
            onShow()
          }}
        >
          {e.show}
        </Button>
      </div>
    )
  }
  // A contest with the problem may have begun since the page was opened.
  if (found.error instanceof CallError && found.error.status === 404) return <p className="text-muted">{e.gone}</p>
  if (found.data === undefined) return found.error !== null ? <ErrorBox error={found.error} onRetry={() => void found.refetch()} /> : <StatementSkeleton />
  return (
    <article className="pb-8">
      <Statement statement={found.data.editorial} download={e.download} />
    </article>
  )
}
