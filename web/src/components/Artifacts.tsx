// The files that a program left behind: pictures are shown, everything else can be downloaded.
//
// The content is not trusted. The server determines its type from the content, never from the name, and lets a browser
// show only pictures.
import { Download } from 'lucide-react'
import { useState } from 'react'
import { addressOf } from '../api/client'
import type { PlayResult } from '../hooks/usePlay'
import { artifactTexts } from '../i18n/artifacts'
import { useTexts } from '../i18n/messages'
import { fileName, isPicture, shortType, type Artifact } from '../util/artifacts'
import { bytes } from '../util/format'
import { visible } from '../util/visible'

/** Verdicts of programs that a limit ended. */
const LIMITS = ['TLE', 'ILE', 'MLE', 'OLE']

interface ArtifactsProps {
  result: PlayResult
  /** The patterns with which the run began; `undefined` if they are not known, as after a reload of the page. */
  patterns: readonly string[] | undefined
}

export function Artifacts({ result, patterns }: ArtifactsProps) {
  const t = useTexts(artifactTexts)
  const files = result.artifacts ?? []
  const hasRun = result.compilation_error == null && result.verdict !== 'CANCELLED' && result.verdict !== 'JE'
  if (files.length === 0 && (patterns === undefined || patterns.length === 0 || !hasRun)) return null
  return (
    <section ref={show} aria-label={t.title} className="min-w-0 scroll-mb-24">
      <h4 className="mb-1 text-sm text-muted">{t.title}</h4>
      {files.length === 0 ? (
        <p className="text-muted">{LIMITS.includes(result.verdict ?? '') ? t.noneAfterLimit : t.none(visible((patterns ?? []).join(' ')))}</p>
      ) : (
        <ul className="rounded-md border border-border bg-surface divide-y divide-border">
          {files.map((file) => (
            <li key={file.path} className="px-3 py-2 space-y-2">
              <ArtifactLine file={file} />
            </li>
          ))}
        </ul>
      )}
      {result.artifacts_truncated === true && <p className="mt-0.5 text-xs text-muted">{t.more}</p>}
    </section>
  )
}

/** Scrolls to the files of a run that has just ended. */
const show = (files: HTMLElement | null) => files?.scrollIntoView({ block: 'nearest' })

function ArtifactLine({ file }: { file: Artifact }) {
  const t = useTexts(artifactTexts)
  const [isBroken, setIsBroken] = useState(false)
  const name = visible(file.path)
  const address = file.url == null ? undefined : addressOf(file.url)
  const kind = file.media_type == null ? undefined : (shortType(file.media_type) ?? (file.media_type.startsWith('text/') ? t.types.text : t.types.unknown))
  return (
    <>
      <div className="flex flex-wrap items-baseline gap-x-3 gap-y-1">
        <span className="font-mono text-sm break-all">{name}</span>
        <span className="text-sm text-muted figure">
          {kind !== undefined && `${kind} · `}
          {bytes(file.size_bytes)}
        </span>
        {file.omitted != null && <span className="text-sm text-muted">{t.omitted[file.omitted]}</span>}
        <span className="grow" />
        {address !== undefined && (
          <a href={address} download={fileName(file.path)} aria-label={t.downloadOf(name)} className="inline-flex items-center gap-1 text-sm text-accent-text underline pointer-coarse:min-h-11">
            <Download aria-hidden size={14} />
            {t.download}
          </a>
        )}
      </div>
      {address !== undefined && isPicture(file) && !isBroken && (
        <img src={address} loading="lazy" alt={t.pictureOf(name)} onError={() => setIsBroken(true)} className="block max-w-full max-h-80 object-contain" />
      )}
      {isBroken && <p className="text-sm text-muted">{t.broken}</p>}
    </>
  )
}
