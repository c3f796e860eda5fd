// The buttons to the newer and the older page of a list of the account page, and the number of the page.
import { account } from '../i18n/account'
import { useTexts } from '../i18n/messages'
import { Button } from '../ui/Button'

interface PagerProps {
  label: string
  page: number
  pages: number
  onPage: (page: number) => void
}

/** Shows nothing if there is only one page. */
export function Pager({ label, page, pages, onPage }: PagerProps) {
  const t = useTexts(account).pager
  if (pages <= 1) return null
  return (
    <nav aria-label={label} className="mt-3 flex items-center gap-3">
      <Button disabled={page <= 1} onClick={() => onPage(page - 1)}>
        {t.newer}
      </Button>
      <span className="text-sm text-muted">{t.page(page, pages)}</span>
      <Button disabled={page >= pages} onClick={() => onPage(page + 1)}>
        {t.older}
      </Button>
    </nav>
  )
}
