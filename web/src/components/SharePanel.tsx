// The panel that makes a link to the program: its title, then the link and the HTML that embeds the program.
import { useState } from 'react'
import { addressOf, api, dataOf, type Schema } from '../api/client'
import { useKeptFocus } from '../hooks/useKeptFocus'
import { embedTexts } from '../i18n/embed'
import { useTexts } from '../i18n/messages'
import { Button } from '../ui/Button'
import { CopyButton } from '../ui/CopyButton'
import { Field, inputClass, isTooLong } from '../ui/Field'
import { Gate } from '../util/gate'
import { snippetOf, TITLE_MAX, titleOf, type Play } from '../util/play'
import { EmbedSnippet } from './EmbedSnippet'
import { ErrorBox } from './ErrorBox'

interface SharePanelProps {
  language: Schema['LanguageView']
  play: Play
  isTerminal: boolean
  onTitle: (title: string) => void
  onClose: () => void
}

/** `title`: that of the program to which the link leads. */
type Sharing = { kind: 'asking' | 'waiting' } | { kind: 'shared'; link: string; title: string; isCopied: boolean } | { kind: 'failed'; error: unknown }

export function SharePanel({ language, play, isTerminal, onTitle, onClose }: SharePanelProps) {
  const t = useTexts(embedTexts)
  const [sharing, setSharing] = useState<Sharing>({ kind: 'asking' })
  const [showsFrame, setShowsFrame] = useState(false)
  // A title that is too long is shown, and not kept.
  const [typed, setTyped] = useState(play.title ?? '')
  const change = (text: string) => {
    setTyped(text)
    if (!isTooLong(text, TITLE_MAX)) onTitle(titleOf(text))
  }
  const title = play.title?.trim() ?? ''
  const [gate] = useState(() => new Gate())
  const share = async () => {
    setSharing({ kind: 'waiting' })
    try {
      const { snippet_id } = await dataOf(api.POST('/api/v1/snippets', { body: snippetOf(language, play, isTerminal) }))
      const link = addressOf(`/p/${snippet_id}`)
      // Without TLS, browsers give pages no access to the clipboard. So the link is also shown.
      const isCopied = await (navigator.clipboard?.writeText(link) ?? Promise.reject(new Error())).then(
        () => true,
        () => false,
      )
      setSharing({ kind: 'shared', link, title, isCopied })
    } catch (error) {
      setSharing({ kind: 'failed', error })
    }
  }
  // A program with another title has another link.
  const shared = sharing.kind === 'shared' && sharing.title === title ? sharing : undefined
  const place = useKeptFocus<HTMLTextAreaElement>(shared !== undefined)
  return (
    <form
      className="flex flex-wrap items-end gap-2"
      onSubmit={(event) => {
        event.preventDefault()
        if (shared === undefined && gate.enter()) void gate.through(share)
      }}
    >
      <Field label={t.name} hint={shared === undefined ? t.nameHint : t.newName} value={typed} maxLength={TITLE_MAX} autoComplete="off" onChange={(event) => change(event.target.value)} className="basis-full" />
      {shared === undefined ? (
        <Button type="submit" disabled={sharing.kind === 'waiting'}>
          {t.make}
        </Button>
      ) : (
        <>
          {/* The whole link is in view, in several lines if necessary. */}
          <textarea
            ref={place}
            aria-label={t.link}
            readOnly
            rows={2}
            value={shared.link}
            onFocus={(event) => event.target.select()}
            className={`${inputClass} h-auto! py-1 grow basis-40 max-sm:basis-full font-mono text-sm break-all resize-none field-sizing-content`}
          />
          <CopyButton text={shared.link} what={t.link} />
          <Button look="quiet" aria-expanded={showsFrame} onClick={() => setShowsFrame(!showsFrame)}>
            {t.embed}
          </Button>
        </>
      )}
      <Button look="quiet" onClick={onClose}>
        {t.closeLink}
      </Button>
      <p role="status" className="basis-full text-sm text-muted">
        {sharing.kind === 'waiting' ? t.sharing : `${shared?.isCopied === true ? `${t.linkCopied} ` : ''}${t.linkPublic}`}
      </p>
      {sharing.kind === 'failed' && (
        <div className="basis-full">
          <ErrorBox error={sharing.error} />
        </div>
      )}
      {shared !== undefined && showsFrame && <EmbedSnippet link={shared.link} title={title} language={language.display_name} />}
    </form>
  )
}
