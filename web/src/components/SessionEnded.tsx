// The notice that the session of the page has ended, or that the browser is signed in as another user.
import { useMessages, useTexts } from '../i18n/messages'
import { session } from '../i18n/session'
import { Button } from '../ui/Button'
import { SignInAgain } from './SignInAgain'

/** `name`: the user who is signed in now. */
export function SessionEnded({ name, className, onClose }: { name: string | undefined; className: string; onClose: () => void }) {
  const m = useMessages()
  const texts = useTexts(session)
  if (name === undefined) {
    return (
      <div className={className}>
        <p className="font-medium">{texts.ended}</p>
        <SignInAgain>
          <Button look="quiet" onClick={onClose}>
            {m.close}
          </Button>
        </SignInAgain>
      </div>
    )
  }
  return (
    <div className={`${className} flex flex-wrap items-center gap-2`}>
      <p className="grow basis-40 min-w-0 break-words">{texts.other(name)}</p>
      <Button onClick={() => location.reload()}>{texts.reload}</Button>
    </div>
  )
}
