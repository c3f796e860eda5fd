// The code with which users join a contest that is not public, for its organizers.
import { useTexts } from '../i18n/messages'
import { organizerViewTexts } from '../i18n/organizer-view'
import { CopyButton } from '../ui/CopyButton'

export function JoinCode({ code }: { code: string }) {
  const t = useTexts(organizerViewTexts)
  return (
    <div className="mt-2 sm:mt-4">
      <p className="flex flex-wrap items-center gap-x-2">
        <span className="text-muted">{t.joinCode}</span>
        <code className="font-mono font-semibold">{code}</code>
        <CopyButton text={code} what={t.joinCode} />
      </p>
      <p className="max-w-[68ch] text-sm text-muted">{t.joinHint}</p>
    </div>
  )
}
