// The playground: write a program of several files, and run it with text input or interactively in a terminal.
import { useQuery } from '@tanstack/react-query'
import { useDeferredValue, useState } from 'react'
import { languagesQuery, sessionQuery } from '../api/queries'
import { ErrorBox } from '../components/ErrorBox'
import { PlaySkeleton } from '../components/Skeletons'
import { PlayWorkspace } from '../components/PlayWorkspace'
import { useTitle } from '../hooks/useTitle'
import { useMessages } from '../i18n/messages'
import { keepLanguage, lastLanguage } from '../util/drafts'
import { PLAY_SLUG } from '../util/play'

export function Playground() {
  const m = useMessages()
  const languages = useQuery(languagesQuery)
  const session = useQuery(sessionQuery)
  const [chosen, setChosen] = useState(() => lastLanguage(PLAY_SLUG))
  // A deferred value is rendered in short tasks.
  const shows = useDeferredValue(languages.data !== undefined && !session.isPending, false)
  useTitle(m.play.title)
  if (languages.error !== null) {
    return (
      <div className="w-full max-w-xl mx-auto p-4">
        <ErrorBox error={languages.error} onRetry={() => void languages.refetch()} />
      </div>
    )
  }
  if (!shows || languages.data === undefined || session.isPending) {
    return <PlaySkeleton />
  }
  const usable = languages.data.languages.filter((one) => one.available)
  const language = usable.find((one) => one.language_id === chosen) ?? usable.find((one) => one.language_id === 'python') ?? usable[0]
  if (language === undefined) return <p className="p-4">{m.play.noLanguage}</p>
  const user = session.data?.user?.username
  return (
    <>
      <h1 className="sr-only">{m.play.title}</h1>
      <PlayWorkspace
        key={`${user ?? ''}/${language.language_id}`}
        user={user}
        language={language}
        languages={usable}
        onLanguage={(id) => {
          keepLanguage(PLAY_SLUG, id)
          setChosen(id)
        }}
      />
    </>
  )
}
