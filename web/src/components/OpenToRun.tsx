// Takes the place of Run in a frame of another site. There, the browser neither sends nor stores the session's cookie,
// which is `SameSite=Lax`, so neither a guest nor a sign-in would have an effect.
import { Link, useParams } from '@tanstack/react-router'
import { ExternalLink } from 'lucide-react'
import { embedTexts } from '../i18n/embed'
import { useTexts } from '../i18n/messages'
import { buttonClass } from '../ui/Button'

export function OpenToRun() {
  const texts = useTexts(embedTexts)
  const { id = '' } = useParams({ strict: false })
  return (
    <div className="w-full flex flex-wrap items-center gap-2">
      <p className="grow basis-40 min-w-0">{texts.noRun}</p>
      <Link to="/p/$id" params={{ id }} target="_blank" rel="noopener" className={buttonClass('primary')}>
        <ExternalLink aria-hidden size={16} strokeWidth={1.5} />
        {texts.open}
      </Link>
    </div>
  )
}
