// The playground: write a program of several files, and run it with text input or interactively in a terminal.
import { useQuery } from '@tanstack/react-query'
import { useDeferredValue } from 'react'
import type { Schema } from '../api/client'
import { languagesQuery, sessionQuery } from '../api/queries'
import { lazyPart } from '../components/LazyPart'
import { cannotRead, PageError } from '../components/PageError'
import { PlaySkeleton } from '../components/Skeletons'
import { PlayWorkspace } from '../components/PlayWorkspace'
import { useProgramLanguage } from '../hooks/useProgramLanguage'
import { useTitle } from '../hooks/useTitle'
import { useMessages } from '../i18n/messages'
import { PLAY_SLUG } from '../util/play'

const CheckAgain = lazyPart(async () => (await import('../components/CannotRun')).CheckAgain)

export function Playground() {
  const m = useMessages()
  const languages = useQuery(languagesQuery)
  const session = useQuery(sessionQuery)
  // A deferred value is rendered in short tasks.
  const shows = useDeferredValue(languages.data !== undefined && session.data !== undefined, false)
  useTitle(m.play.title)
  const queries = [languages, session]
  if (cannotRead(queries)) return <PageError queries={queries} />
  if (!shows || languages.data === undefined || session.data === undefined) {
    return <PlaySkeleton />
  }
  return <Play key={session.data.user?.username ?? ''} listed={languages.data.languages} user={session.data.user?.username} mayBeGuest={session.data.guests_allowed} />
}

function Play({ listed, ...who }: { listed: Schema['LanguageView'][]; user: string | undefined; mayBeGuest: boolean }) {
  const m = useMessages()
  const { language, languages, cannotRun, choose } = useProgramLanguage(who.user, PLAY_SLUG, listed)
  return (
    <>
      <h1 className="sr-only">{m.play.title}</h1>
      {language === undefined ? (
        <div className="p-4">
          <CheckAgain>{m.play.noLanguage}</CheckAgain>
        </div>
      ) : (
        <PlayWorkspace key={`${who.user ?? ''}/${language.language_id}`} {...who} language={language} languages={languages} cannotRun={cannotRun} onLanguage={choose} />
      )}
    </>
  )
}
