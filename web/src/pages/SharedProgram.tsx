// The page of a shared program: anyone can read it and continue with a copy; users can run it, and visitors if the server has guests.
// With `?embed=1`, the page has no bar, for embedding in another site.
import { useQuery } from '@tanstack/react-query'
import { useDeferredValue } from 'react'
import { CallError } from '../api/client'
import { languagesQuery, sessionQuery, sharedQuery } from '../api/queries'
import { cannotRead, PageError } from '../components/PageError'
import { PlaySkeleton } from '../components/Skeletons'
import { PlayWorkspace } from '../components/PlayWorkspace'
import { useTitle } from '../hooks/useTitle'
import { useMessages } from '../i18n/messages'
import { shared as route } from '../routes'
import { unlisted, whyNot } from '../util/language-choice'
import { playOfSnippet } from '../util/play'
import { visible } from '../util/visible'
import { NotFound } from './NotFound'

export function SharedProgram() {
  const m = useMessages()
  const { id } = route.useParams()
  const { embed } = route.useSearch()
  const snippet = useQuery(sharedQuery(id))
  const languages = useQuery(languagesQuery)
  const session = useQuery(sessionQuery)
  // A deferred value is rendered in short tasks.
  const shows = useDeferredValue(snippet.data !== undefined && languages.data !== undefined && session.data !== undefined, false)
  const title = snippet.data?.title == null ? m.play.shared : visible(snippet.data.title)
  useTitle(title)
  if (snippet.data === undefined && snippet.error instanceof CallError && snippet.error.status === 404) return <NotFound what="program" />
  const queries = [snippet, languages, session]
  if (cannotRead(queries)) return <PageError queries={queries} />
  if (!shows || snippet.data === undefined || languages.data === undefined || session.data === undefined) {
    return <PlaySkeleton />
  }
  const { languages: listed } = languages.data
  const [like] = listed
  const { language: of } = snippet.data
  const language = listed.find((one) => one.language_id === of) ?? (like === undefined ? undefined : unlisted(of, like))
  const user = session.data.user?.username
  return (
    <>
      {/* The workspace shows the title. */}
      {(language === undefined || snippet.data.title == null) && <h1 className={snippet.data.title == null ? 'sr-only' : 'px-4 pt-4 text-lg font-semibold wrap-anywhere'}>{title}</h1>}
      {language === undefined ? (
        <div className="p-4 space-y-3">
          <p role="status">{m.play.sharedLanguageGone(of)}</p>
          <pre tabIndex={0} aria-label={m.play.shared} className="p-3 rounded-md border border-border bg-surface overflow-auto">
            {visible(snippet.data.source_code)}
          </pre>
        </div>
      ) : (
        <PlayWorkspace
          key={`${user ?? ''}/${id}`}
          user={user}
          mayBeGuest={session.data.guests_allowed && (embed !== 1 || self === top)}
          language={language}
          languages={listed}
          cannotRun={whyNot(language)}
          onLanguage={() => undefined}
          shared={{ id, play: playOfSnippet(snippet.data, language.source_file), isEmbedded: embed === 1 }}
        />
      )}
    </>
  )
}
