// Buttons that share a program by link, download it as an archive and, on the page of a shared program, copy it into
// the playground.
import { Link } from '@tanstack/react-router'
import { Download, ExternalLink, GitFork, Share2 } from 'lucide-react'
import { lazy, Suspense, useState } from 'react'
import { addressOf, api, dataOf, type Schema } from '../api/client'
import { useMessages } from '../i18n/messages'
import { Button, buttonClass } from '../ui/Button'
import { CopyButton } from '../ui/CopyButton'
import { inputClass } from '../ui/Field'
import { archiveName, snippetOf, type Play } from '../util/play'
import { ErrorBox } from './ErrorBox'

const EmbedSnippet = lazy(async () => ({ default: (await import('./EmbedSnippet')).EmbedSnippet }))

interface PlayShareProps {
  language: Schema['LanguageView']
  play: Play
  isSignedIn: boolean
  onAskSignIn: () => void
}

type Sharing = { kind: 'idle' | 'waiting' } | { kind: 'shared'; link: string; isCopied: boolean } | { kind: 'failed'; error: unknown }

/** Remounted when the program changes, because the shown link belongs to the old program. */
export function PlayShare({ language, play, isSignedIn, onAskSignIn }: PlayShareProps) {
  const m = useMessages()
  const [sharing, setSharing] = useState<Sharing>({ kind: 'idle' })
  const [showsFrame, setShowsFrame] = useState(false)
  const share = async () => {
    if (!isSignedIn) return onAskSignIn()
    setSharing({ kind: 'waiting' })
    try {
      const { snippet_id } = await dataOf(api.POST('/api/v1/snippets', { body: snippetOf(language, play) }))
      const link = addressOf(`/p/${snippet_id}`)
      // Without TLS, browsers give pages no access to the clipboard. So the link is also shown.
      const isCopied = await (navigator.clipboard?.writeText(link) ?? Promise.reject(new Error())).then(
        () => true,
        () => false,
      )
      setSharing({ kind: 'shared', link, isCopied })
    } catch (error) {
      setSharing({ kind: 'failed', error })
    }
  }
  return (
    <>
      <Button look="quiet" className="px-2" onClick={() => void share()} disabled={sharing.kind === 'waiting' || play.files[0]?.text.trim() === ''} title={m.play.shareHint}>
        <Share2 aria-hidden size={16} strokeWidth={1.5} />
        <span className="max-sm:sr-only">{m.play.share}</span>
      </Button>
      {sharing.kind !== 'idle' && (
        <div className="order-last basis-full flex flex-wrap items-center gap-2 pt-1.5">
          {sharing.kind === 'waiting' && <p role="status">{m.play.sharing}</p>}
          {sharing.kind === 'failed' && <ErrorBox error={sharing.error} />}
          {sharing.kind === 'shared' && (
            <>
              <input aria-label={m.play.link} readOnly value={sharing.link} onFocus={(event) => event.target.select()} className={`${inputClass} grow basis-40 max-sm:basis-full font-mono text-sm`} />
              <CopyButton text={sharing.link} what={m.play.link} />
              <Button look="quiet" aria-expanded={showsFrame} onClick={() => setShowsFrame(!showsFrame)}>
                {m.play.embed}
              </Button>
              <Button look="quiet" onClick={() => setSharing({ kind: 'idle' })}>
                {m.play.closeLink}
              </Button>
              <p role="status" className="basis-full text-sm text-muted">
                {sharing.isCopied ? `${m.play.linkCopied} ` : ''}
                {m.play.linkPublic}
              </p>
              {showsFrame && (
                <Suspense>
                  <EmbedSnippet link={sharing.link} language={language.display_name} />
                </Suspense>
              )}
            </>
          )}
        </div>
      )}
    </>
  )
}

export function SharedActions({ id, isEmbedded, onFork }: { id: string; isEmbedded: boolean; onFork: () => void }) {
  const m = useMessages()
  if (isEmbedded) {
    return (
      <Link to="/p/$id" params={{ id }} target="_blank" rel="noopener" className={buttonClass('quiet')}>
        <ExternalLink aria-hidden size={16} strokeWidth={1.5} />
        {m.play.openHere}
      </Link>
    )
  }
  return (
    <Button look="quiet" className="px-2" onClick={onFork} title={m.play.forkHint}>
      <GitFork aria-hidden size={16} strokeWidth={1.5} />
      {m.play.fork}
    </Button>
  )
}

export function DownloadButton({ play }: { play: Play }) {
  const m = useMessages()
  const download = async () => {
    const [{ archiveOf }, { save }] = await Promise.all([import('../util/archive'), import('../util/save')])
    save(archiveName(play), new Blob([archiveOf(play.files)], { type: 'application/zip' }))
  }
  return (
    <Button look="quiet" className="px-2" onClick={() => void download()} aria-label={m.play.download} title={m.play.download}>
      <Download aria-hidden size={16} strokeWidth={1.5} />
    </Button>
  )
}
