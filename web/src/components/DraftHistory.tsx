// The button that opens a draft's history, and the note that offers another version of the draft.
import { History } from 'lucide-react'
import { useEffect } from 'react'
import type { useDraft } from '../hooks/useDraft'
import { usePopup } from '../hooks/usePopup'
import { drafts } from '../i18n/drafts'
import { useTexts } from '../i18n/messages'
import { Button } from '../ui/Button'
import { Note } from '../ui/Note'
import type { DraftOf } from '../util/drafts'
import { lazyPart } from './LazyPart'

const load = () => import('./DraftVersions')
const DraftVersions = lazyPart(async () => (await load()).DraftVersions)

type Draft = ReturnType<typeof useDraft>

interface HistoryProps {
  of: DraftOf
  draft: Draft
  /** The code with which the editor begins. */
  start: string
  /** Returns the part of a text that the preview shows. Without this function, the text is a program, and the list shows its size. */
  preview?: (text: string) => string
}

export function DraftHistory({ of, draft, start, preview }: HistoryProps) {
  const t = useTexts(drafts)
  const { isUsed, isOpen, setOpen, hint, open } = usePopup(load)
  // The script is loaded soon after the page, so that the versions in this browser can be shown even if the server
  // cannot be reached later.
  useEffect(hint, [])
  return (
    <>
      <Button look="quiet" className="px-2" onPointerEnter={hint} onFocus={hint} onClick={open} aria-label={t.history} title={t.history}>
        <History aria-hidden size={16} strokeWidth={1.5} />
      </Button>
      {isUsed && (
        <DraftVersions of={of} draft={draft} start={start} preview={preview} isOpen={isOpen} onOpen={setOpen} />
      )}
    </>
  )
}

/** A note that offers a version. It is shown until the user accepts or rejects the version. */
export function OfferedNote({ draft }: { draft: Draft }) {
  const t = useTexts(drafts)
  if (draft.offered === undefined || draft.other !== undefined) return null
  return (
    <Note text={t.offered[draft.offered.origin]}>
      <Button onClick={draft.takeOffered}>{t.load}</Button>
      <Button onClick={draft.dismissOffered}>{t.keep}</Button>
    </Note>
  )
}
