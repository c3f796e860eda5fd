// Why a sign-out has failed. A person who leaves a shared computer must know that the session goes on.
import { useTexts } from '../i18n/messages'
import { signOutTexts } from '../i18n/sign-out'
import { ErrorBox } from './ErrorBox'

export function SignOutFailed({ error }: { error: unknown }) {
  const t = useTexts(signOutTexts)
  return <ErrorBox isCompact error={error} what={t.failed} />
}
