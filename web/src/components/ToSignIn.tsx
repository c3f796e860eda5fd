// A sentence for a visitor about what needs an account, with a link to the sign-in, which leads back.
import { Link } from '@tanstack/react-router'
import { useHere } from '../hooks/useHere'
import { useMessages } from '../i18n/messages'

export function ToSignIn({ text, ...rest }: { text: string; className?: string; role?: 'alert' }) {
  const m = useMessages()
  return (
    <p {...rest}>
      {text}{' '}
      <Link to="/sign-in" search={{ then: useHere() }} className="text-accent-text underline pointer-coarse:inline-block pointer-coarse:py-2.5">
        {m.menu.signIn}
      </Link>
    </p>
  )
}
