// The page for unknown addresses.
import { Link } from '@tanstack/react-router'
import { useTitle } from '../hooks/useTitle'
import { useMessages } from '../i18n/messages'
import { buttonClass } from '../ui/Button'

/** `detail`: why, if more is known than that the address is unknown. */
export function NotFound({ detail }: { detail?: string }) {
  const m = useMessages()
  useTitle(m.notFound.title)
  return (
    <div className="w-full max-w-xl mx-auto px-4 sm:px-8 py-16">
      <h1 className="text-xl font-semibold">{m.notFound.title}</h1>
      <p className="mt-2 text-muted">{detail ?? m.notFound.detail}</p>
      <Link to="/problems" className={`${buttonClass()} mt-4`}>
        {m.notFound.back}
      </Link>
    </div>
  )
}
