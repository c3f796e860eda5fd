// The page for unknown addresses.
import { Link } from '@tanstack/react-router'
import { useMessages } from '../i18n/messages'
import { buttonClass } from '../ui/Button'

export function NotFound() {
  const m = useMessages()
  return (
    <div className="max-w-xl mx-auto p-8">
      <h1 className="text-xl font-semibold">{m.notFound.title}</h1>
      <p className="mt-2 text-muted">{m.notFound.detail}</p>
      <Link to="/problems" className={`${buttonClass()} mt-4`}>
        {m.notFound.back}
      </Link>
    </div>
  )
}
