// Buttons that share a program by link, download it as an archive and, on the page of a shared program, copy it into
// the playground.
import { Link } from '@tanstack/react-router'
import { Download, ExternalLink, GitFork, Share2 } from 'lucide-react'
import { useEffect, useRef } from 'react'
import type { Schema } from '../api/client'
import { usePopup } from '../hooks/usePopup'
import { useMessages, useTexts } from '../i18n/messages'
import { playTexts } from '../i18n/play'
import { Button, buttonClass } from '../ui/Button'
import { orReport } from '../util/missing-script'
import { archiveName, type Play } from '../util/play'
import { lazyPart } from './LazyPart'

const loadPanel = () => import('./SharePanel')
const SharePanel = lazyPart(async () => (await loadPanel()).SharePanel)

interface PlayShareProps {
  language: Schema['LanguageView']
  play: Play
  /** Whether others also run the program in the terminal. */
  isTerminal: boolean
  isSignedIn: boolean
  onAskSignIn: () => void
  onTitle: (title: string) => void
  /** Called when the panel of the link opens and closes. */
  onOpen: (isOpen: boolean) => void
}

/** Remounted when the program changes, because a link that is shown belongs to the old program. */
export function PlayShare({ language, play, isTerminal, isSignedIn, onAskSignIn, onTitle, onOpen }: PlayShareProps) {
  const m = useMessages()
  const p = useTexts(playTexts)
  const { isUsed, isOpen, setOpen, hint, open } = usePopup(loadPanel)
  const button = useRef<HTMLButtonElement>(null)
  const close = () => {
    setOpen(false)
    button.current?.focus()
  }
  useEffect(() => {
    onOpen(isOpen)
    return () => onOpen(false)
  }, [isOpen, onOpen])
  return (
    <>
      <Button
        ref={button}
        look="quiet"
        className="px-2"
        aria-expanded={isOpen}
        onPointerEnter={hint}
        onFocus={hint}
        onClick={() => (isOpen ? setOpen(false) : isSignedIn ? open() : onAskSignIn())}
        disabled={play.files[0]?.text.trim() === ''}
        title={p.shareHint}
      >
        <Share2 aria-hidden size={16} strokeWidth={1.5} />
        <span className="max-sm:sr-only">{m.play.share}</span>
      </Button>
      {isUsed && isOpen && (
        <div className="order-last basis-full min-w-0 pt-1.5">
          <SharePanel language={language} play={play} isTerminal={isTerminal} onTitle={onTitle} onClose={close} />
        </div>
      )}
    </>
  )
}

export function SharedActions({ id, isEmbedded, onFork }: { id: string; isEmbedded: boolean; onFork: () => void }) {
  const p = useTexts(playTexts)
  if (isEmbedded) {
    return (
      <Link to="/p/$id" params={{ id }} target="_blank" rel="noopener" className={buttonClass('quiet')}>
        <ExternalLink aria-hidden size={16} strokeWidth={1.5} />
        {p.openHere}
      </Link>
    )
  }
  return (
    <Button look="quiet" className="px-2" onClick={onFork} title={p.forkHint}>
      <GitFork aria-hidden size={16} strokeWidth={1.5} />
      {p.fork}
    </Button>
  )
}

export function DownloadButton({ play }: { play: Play }) {
  const p = useTexts(playTexts)
  const download = async () => {
    const loaded = await orReport(Promise.all([import('../util/archive'), import('../util/save')]))
    if (loaded === undefined) return
    const [{ archiveOf }, { save }] = loaded
    save(archiveName(play), new Blob([archiveOf(play.files)], { type: 'application/zip' }))
  }
  return (
    <Button look="quiet" className="px-2" onClick={() => void download()} aria-label={p.download} title={p.download}>
      <Download aria-hidden size={16} strokeWidth={1.5} />
    </Button>
  )
}
