// The page for unknown addresses.
import { Link } from '@tanstack/react-router'
import { useIsEmbedded } from '../hooks/useIsEmbedded'
import { useTitle } from '../hooks/useTitle'
import { useMessages } from '../i18n/messages'
import { buttonClass } from '../ui/Button'

/** `what`: the kind of thing that the address names, if it is known. */
export function NotFound({ what = 'page' }: { what?: 'page' | 'problem' | 'program' }) {
  const m = useMessages()
  const n = m.notFound
  const isEmbedded = useIsEmbedded()
  useTitle(n.titles[what])
  return (
    <div className="py-16 px-4 text-center">
      <h1 className="text-lg font-semibold">{n.titles[what]}</h1>
      <p className="mt-1 text-muted">{n.details[what]}</p>
      <Link to={what === 'program' ? '/playground' : '/problems'} {...(isEmbedded && { target: '_blank', rel: 'noopener' })} className={`${buttonClass()} mt-4`}>
        {what === 'program' ? n.play : n.back}
      </Link>
    </div>
  )
}
