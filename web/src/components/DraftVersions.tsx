// The history of a draft: earlier versions on the server and in this browser, each with a preview, to restore one.
import { Dialog } from '@base-ui/react/dialog'
import { useQueries, useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { revisionQuery, revisionsQuery } from '../api/drafts'
import { useBackCloses } from '../hooks/useBackCloses'
import type { useDraft } from '../hooks/useDraft'
import { drafts } from '../i18n/drafts'
import { editing } from '../i18n/editing'
import { useLanguage, useTexts } from '../i18n/messages'
import { Button, buttonClass } from '../ui/Button'
import { serverNow } from '../util/clock'
import { syncState, verdictOfVersion, verdictsOf, withoutRepeats, type DraftOf, type DraftVerdict } from '../util/drafts'
import { bytes, clockTime } from '../util/format'
import { verdictOf } from '../util/verdict'
import { Age } from './Age'
import { ErrorBox } from './ErrorBox'
import { VerdictBadge } from './VerdictBadge'

interface VersionsProps {
  of: DraftOf
  draft: ReturnType<typeof useDraft>
  /** The code with which the editor begins, which is no version. */
  start: string
  /** The part of a text that a person recognises; `undefined` if that is the whole text. */
  preview: ((text: string) => string) | undefined
  isOpen: boolean
  onOpen: (isOpen: boolean) => void
}

/** Maximum number of lines in a preview. A text may consist of line breaks only. */
const PREVIEW_LINES_MAX = 300
/** Maximum number of revisions that are compared with the versions in this browser. */
const ALIKE_MAX = 10

export function DraftVersions({ of, draft, start, preview, isOpen, onOpen }: VersionsProps) {
  useBackCloses(isOpen, () => onOpen(false))
  return (
    <Dialog.Root open={isOpen} onOpenChange={onOpen}>
      <Dialog.Portal>
        <Dialog.Backdrop className="backdrop" />
        <Dialog.Popup className="fixed z-50 left-1/2 top-1/2 -translate-x-1/2 -translate-y-1/2 w-[min(880px,calc(100vw-32px))] max-h-[calc(100dvh-32px)] overflow-auto p-5 rounded-lg bg-surface border border-border shadow-lg">
          <Content of={of} draft={draft} start={start} preview={preview} onDone={() => onOpen(false)} />
        </Dialog.Popup>
      </Dialog.Portal>
    </Dialog.Root>
  )
}

/** A version in the list. A version in this browser has its text; a version on the server has its number, and its text once it was read. */
interface Entry {
  key: string
  at: number
  bytes: number
  origin: string
  text: string | undefined
  revision: number | undefined
}

/** Key of the code in the editor. */
const CURRENT = 'current'

type ContentProps = Omit<VersionsProps, 'isOpen' | 'onOpen'> & { onDone: () => void }

function Content({ of, draft, start, preview, onDone }: ContentProps) {
  const t = useTexts(drafts)
  const { tag, messages: m } = useLanguage()
  const isOwned = draft.isSaved !== undefined
  const revisions = useQuery({ ...revisionsQuery(of), enabled: isOwned })
  const [chosen, setSelected] = useState<string>()
  // If the code in the editor is saved, it is this revision. The list may be older than the last save.
  const present = draft.isSaved === true ? syncState(of).revision : undefined
  const onServer = (revisions.data ?? []).filter(({ revision }) => revision !== present)
  const here: Entry[] = draft.versions
    .filter((one) => one.text !== draft.text)
    .map(({ text, at, origin }) => ({ key: `here-${at}-${origin}`, at, bytes: new TextEncoder().encode(text).length, origin: t.origins[origin], text, revision: undefined }))
  // A text that was replaced here may also be a revision. The texts of such revisions are needed to recognise it.
  const alike = onServer.filter(({ bytes }) => here.some((one) => one.bytes === bytes)).slice(0, ALIKE_MAX)
  const texts = useQueries({ queries: alike.map(({ revision }) => ({ ...revisionQuery(of, revision), staleTime: Infinity })) })
  const textOf = (revision: number) => texts[alike.findIndex((one) => one.revision === revision)]?.data
  const changedAt = syncState(of).at
  // Also the current code is listed, so that a version is seen after the first run.
  const current: Entry[] = changedAt > 0 && draft.text !== start ? [{ key: CURRENT, at: changedAt, bytes: new TextEncoder().encode(draft.text).length, origin: t.current, text: draft.text, revision: undefined }] : []
  const verdicts = verdictsOf(of)
  const earlier = withoutRepeats(
    [
      ...here,
      ...onServer.map(({ revision, saved_at, bytes }): Entry => ({ key: `server-${revision}`, at: Date.parse(saved_at), bytes, origin: t.origins.server, text: textOf(revision), revision })),
    ].sort((one, two) => two.at - one.at),
  )
  const entries = [...current, ...earlier]
  // The newest earlier version is shown first.
  const selected = chosen ?? earlier[0]?.key ?? current[0]?.key
  const entry = entries.find(({ key }) => key === selected)
  const read = useQuery({ ...revisionQuery(of, entry?.revision ?? 0), enabled: entry?.revision !== undefined, staleTime: Infinity })
  const text = entry?.text ?? (entry?.revision === undefined ? undefined : read.data)
  return (
    <>
      <Dialog.Title className="text-lg font-semibold">{t.title}</Dialog.Title>
      <Dialog.Description className="mt-1">{t.detail}</Dialog.Description>
      <p className="text-sm text-muted">{draft.isSaved === undefined ? t.visitor : draft.isSaved ? t.isSaved : draft.isUnsaveable() ? t.isUnsaveable : t.isWaiting}</p>
      {revisions.error !== null && (
        <div className="mt-2">
          <ErrorBox isCompact error={revisions.error} what={t.failed} onRetry={() => void revisions.refetch()} />
        </div>
      )}
      {(isOwned && revisions.isPending) || texts.some((one) => one.isPending) ? (
        <p role="status" className="mt-3 text-muted">
          {m.loading}
        </p>
      ) : entries.length === 0 ? (
        <p className="mt-3">{t.none}</p>
      ) : (
        <div className="mt-3 grid gap-3 sm:grid-cols-[minmax(220px,1fr)_2fr]">
          <ul aria-label={t.list} className="self-start max-h-[50dvh] overflow-auto border border-border rounded-md">
            {entries.map((one, at) => (
              <li key={one.key} className="border-b border-border last:border-0">
                <button type="button" aria-pressed={one.key === selected} onClick={() => setSelected(one.key)} className="w-full min-h-9 pointer-coarse:min-h-11 px-3 py-1.5 text-left hover:bg-raised aria-pressed:bg-raised aria-pressed:font-medium">
                  <span className="flex flex-wrap items-baseline gap-x-2">
                    <span className="figure">{clockTime(one.at, serverNow(), tag)}</span>
                    <Age of={new Date(one.at).toISOString()} />
                  </span>
                  <span className="block text-xs text-muted">
                    {one.origin}
                    {preview === undefined && ` · ${bytes(one.bytes)}`}
                  </span>
                  <Judged judged={verdictOfVersion(verdicts, one, entries[at - 1]?.at)} />
                </button>
              </li>
            ))}
          </ul>
          {entry !== undefined && (
            <div className="min-w-0">
              {text === undefined && read.error !== null ? (
                <ErrorBox isCompact error={read.error} what={t.failedOne} onRetry={() => void read.refetch()} />
              ) : text === undefined ? (
                <p role="status" className="text-muted">
                  {t.reading}
                </p>
              ) : (
                <>
                  <Preview text={preview?.(text) ?? text} />
                  <Button
                    look="primary"
                    className="mt-3"
                    disabled={entry.key === CURRENT}
                    onClick={() => {
                      draft.replace(text)
                      onDone()
                    }}
                  >
                    {t.restore}
                  </Button>
                </>
              )}
            </div>
          )}
        </div>
      )}
      <Dialog.Close className={`${buttonClass()} mt-4`}>{m.close}</Dialog.Close>
    </>
  )
}

/** The verdict of the run or submission of a version. */
function Judged({ judged }: { judged: DraftVerdict | undefined }) {
  const e = useTexts(editing)
  const code = verdictOf(judged?.verdict)
  if (judged === undefined || code === undefined) return null
  return (
    <span className="flex flex-wrap items-center gap-x-1.5 text-xs">
      <VerdictBadge code={code} />
      <span className="text-muted">{judged.isSubmission ? e.purposes.submission : e.purposes.samples}</span>
    </span>
  )
}

function Preview({ text }: { text: string }) {
  const t = useTexts(drafts)
  const lines = text.split('\n')
  const more = lines.length - PREVIEW_LINES_MAX
  return (
    <>
      <pre tabIndex={0} aria-label={t.preview} role="region" className="scroll-x max-h-[40dvh] overflow-auto p-3 rounded-md border border-border bg-surface font-mono text-sm">
        {text === '' ? t.empty : lines.slice(0, PREVIEW_LINES_MAX).join('\n')}
      </pre>
      {more > 0 && <p className="text-sm text-muted">{t.more(more)}</p>}
    </>
  )
}
