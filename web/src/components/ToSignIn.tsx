// A sentence for a visitor about what needs an account, with links to the sign-in and the registration, which lead back.
import { Link } from '@tanstack/react-router'
import { useHere } from '../hooks/useHere'
import { useMessages } from '../i18n/messages'

export function ToSignIn({ text, ...rest }: { text: string; className?: string; role?: 'alert' }) {
  const m = useMessages()
  const then = useHere()
  const link = 'text-accent-text underline pointer-coarse:inline-block pointer-coarse:py-2.5'
  return (
    <p {...rest}>
      {text}{' '}
      <Link to="/sign-in" search={{ then }} className={link}>
        {m.menu.signIn}
      </Link>{' '}
      <Link to="/register" search={{ then }} className={`${link} ml-2`}>
        {m.menu.register}
      </Link>
    </p>
  )
}
