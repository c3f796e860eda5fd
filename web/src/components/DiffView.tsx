// An output beside the expected output; on phones, each line above the expected line. White space is visible in the lines that differ.
// Buttons move to the previous and the next difference.
import { ChevronDown, ChevronUp } from 'lucide-react'
import { useLayoutEffect, useMemo, useRef, useState } from 'react'
import { diffTexts } from '../i18n/diff'
import { useMessages, useTexts } from '../i18n/messages'
import { Button } from '../ui/Button'
import { compare, type DiffRow } from '../util/diff'
import { visible, visibleSpace } from '../util/visible'

interface DiffViewProps {
  ours: string
  expected: string
  /** Whether the expected output was truncated. */
  truncated: boolean
  /** Whether the page already says where the first difference is. */
  isExplained?: boolean
}

export function DiffView({ ours, expected, truncated, isExplained = false }: DiffViewProps) {
  const m = useMessages()
  const t = useTexts(diffTexts)
  const place = useRef<HTMLDivElement>(null)
  const diff = useMemo(() => compare(ours, expected), [ours, expected])
  const differing = useMemo(() => diff.rows.filter((row) => !row.same).map((row) => row.line), [diff])
  const hasSpace = useMemo(() => diff.rows.some(({ same, ours = '', expected = '' }) => !same && /[\s\p{Cc}]/u.test(ours + expected)), [diff])
  const [isOnly, setIsOnly] = useState(false)
  /** Index among the lines that differ. */
  const [at, setAt] = useState(0)
  const summary =
    diff.kind === 'same' ? t.same : diff.kind === 'space' ? t.onlySpace : diff.first === undefined ? '' : t.firstAt(diff.first)
  const current = differing[at]
  const show = (line: number | undefined) => {
    const around = place.current
    const row = around?.querySelector<HTMLElement>(`tr[data-line="${line}"]`)
    if (around && row) around.scrollTop = row.offsetTop - around.clientHeight / 3
  }
  // A layout effect, because the row to scroll to must already be rendered.
  useLayoutEffect(() => show(current), [current, isOnly, diff])
  const step = (by: number) => setAt((at + by + differing.length) % differing.length)
  const rows = isOnly ? diff.rows.filter((row) => !row.same) : diff.rows
  // A single difference, without equal lines, needs no buttons.
  const hasSteps = differing.length > 0 && diff.rows.length > 1
  const isBare = isExplained && diff.kind === 'different' && !hasSteps
  const button = 'px-2 pointer-coarse:min-w-11'
  return (
    <div>
      <div className={`flex flex-wrap items-center gap-x-3 gap-y-1 ${isBare ? '' : 'mb-1.5'}`}>
        <p className={isExplained && diff.kind === 'different' ? 'sr-only' : 'grow'}>{summary}</p>
        {isExplained && !isBare && <span className="grow" />}
        {hasSteps && (
          <div className="flex flex-wrap items-center gap-1">
            {differing.length < diff.rows.length && (
              <label className="flex items-center gap-1.5 pr-2 min-h-8 pointer-coarse:min-h-11">
                <input type="checkbox" checked={isOnly} onChange={(event) => setIsOnly(event.target.checked)} className="accent-accent-text size-4" />
                {t.only}
              </label>
            )}
            <p aria-live="polite" className="figure leading-5 text-muted">
              <span aria-hidden>
                {at + 1}/{differing.length}
              </span>
              <span className="sr-only">{t.at(at + 1, differing.length)}</span>
            </p>
            <Button look="quiet" className={button} onClick={() => step(-1)} disabled={differing.length < 2} aria-label={t.previous} title={t.previous}>
              <ChevronUp aria-hidden size={16} strokeWidth={1.5} />
            </Button>
            <Button look="quiet" className={button} onClick={() => step(1)} disabled={differing.length < 2} aria-label={t.next} title={t.next}>
              <ChevronDown aria-hidden size={16} strokeWidth={1.5} />
            </Button>
          </div>
        )}
      </div>
      <div ref={place} role="region" tabIndex={0} aria-label={m.parts([m.run.your, m.run.expected])} className="relative max-h-80 overflow-auto rounded-md border border-border bg-surface">
        {/* The roles are explicit, because a browser drops the roles of a table whose rows are grids. */}
        <table role="table" className="w-full border-collapse max-[600px]:block">
          <thead role="rowgroup" className="max-[600px]:block max-[600px]:sticky max-[600px]:top-0">
            <tr role="row" className="sticky top-0 bg-raised text-xs text-muted text-left max-[600px]:flex">
              <th role="columnheader" scope="col" className="w-10 px-2 py-1 font-medium text-right">
                #
              </th>
              <th role="columnheader" scope="col" className="w-1/2 px-2 py-1 font-medium max-[600px]:w-auto">
                <span aria-hidden className={OURS.colour}>
                  {OURS.mark}{' '}
                </span>
                {m.run.your}
              </th>
              <th role="columnheader" scope="col" className="w-1/2 px-2 py-1 font-medium border-l border-border max-[600px]:w-auto max-[600px]:border-0">
                <span aria-hidden className={EXPECTED.colour}>
                  {EXPECTED.mark}{' '}
                </span>
                {m.run.expected}
              </th>
            </tr>
          </thead>
          <tbody role="rowgroup" className="max-[600px]:block">
            {rows.map((row) => (
              <Row key={row.line} row={row} isCurrent={row.line === current && differing.length > 1} />
            ))}
          </tbody>
        </table>
      </div>
      <p className="mt-1 text-xs text-muted">
        {hasSpace && t.legend} {diff.omitted > 0 && t.more(diff.omitted)} {truncated && t.truncated}
      </p>
    </div>
  )
}

/** The sign and the colours of a side in lines that differ. */
interface Sign {
  mark: string
  colour: string
  tint: string
}

const OURS: Sign = { mark: '−', colour: 'text-wrong', tint: 'bg-[color-mix(in_oklch,var(--wrong)_10%,transparent)]' }
const EXPECTED: Sign = { mark: '+', colour: 'text-accepted', tint: 'bg-[color-mix(in_oklch,var(--accepted)_12%,transparent)]' }

function Row({ row, isCurrent }: { row: DiffRow; isCurrent: boolean }) {
  return (
    <tr
      role="row"
      data-same={row.same}
      data-line={row.line}
      {...(isCurrent && { 'aria-current': true })}
      className={`leading-5 max-[600px]:grid max-[600px]:grid-cols-[40px_minmax(0,1fr)] ${isCurrent ? 'shadow-[inset_2px_0_0_var(--accent)]' : ''}`}
    >
      <td role="cell" className="figure px-2 text-right max-[600px]:row-span-2 text-muted align-top select-none">{row.line}</td>
      {/* On phones, a line that one of the outputs does not have takes no room. */}
      <Cell text={row.ours} row={row} sign={OURS} className={row.ours === undefined ? 'max-[600px]:sr-only' : ''} />
      <Cell text={row.expected} row={row} sign={EXPECTED} className={`border-l border-border max-[600px]:border-0 ${row.same || row.expected === undefined ? 'max-[600px]:sr-only' : ''}`} />
    </tr>
  )
}

function Cell({ text, row, sign, className = '' }: { text: string | undefined; row: DiffRow; sign: Sign; className?: string }) {
  const t = useTexts(diffTexts)
  return (
    <td role="cell" className={`px-2 align-top max-[600px]:col-start-2 ${row.same || text === undefined ? '' : sign.tint} ${className}`}>
      <code className="whitespace-pre-wrap break-all">
        {!row.same && <span className={`select-none font-semibold ${sign.colour}`}>{sign.mark} </span>}
        {text === undefined ? (row.same ? undefined : <span className="text-muted">{t.noLine}</span>) : row.same ? visible(text) : visibleSpace(text)}
      </code>
    </td>
  )
}
