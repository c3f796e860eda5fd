// The number of new entries in a contest's list of questions: a badge beside a link, and a sentence for screen readers.
// Screen readers announce changes of the number.
import { useTexts } from '../i18n/messages'
import { organizers } from '../i18n/organizers'

function useWords(n: number, isOrganizer: boolean): string {
  const o = useTexts(organizers)
  return isOrganizer ? o.waiting(n) : o.news(n)
}

/** Badge for the inside of a link. */
export function NewsBadge({ n, isOrganizer }: { n: number; isOrganizer: boolean }) {
  const words = useWords(n, isOrganizer)
  if (n === 0) return null
  return (
    <span title={words} className="ml-1.5 min-w-[1.667em] h-[1.667em] px-[0.5em] inline-flex items-center justify-center rounded-full bg-accent text-on-accent figure font-semibold">
      <span aria-hidden>{n}</span>
      <span className="sr-only">{words}</span>
    </span>
  )
}

/** Announces the number whenever it changes. */
export function NewsStatus({ n, isOrganizer }: { n: number; isOrganizer: boolean }) {
  const words = useWords(n, isOrganizer)
  return (
    <p role="status" className="sr-only">
      {n > 0 && words}
    </p>
  )
}
