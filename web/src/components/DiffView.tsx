// An output beside the expected one. White space is visible in the lines that differ.
import { useMessages } from '../i18n/messages'
import { compare, type DiffRow } from '../util/diff'
import { visible, visibleSpace } from '../util/visible'

interface DiffViewProps {
  ours: string
  expected: string
  /** The expected output was cut off. */
  truncated: boolean
}

export function DiffView({ ours, expected, truncated }: DiffViewProps) {
  const m = useMessages()
  const diff = compare(ours, expected)
  const summary =
    diff.kind === 'same' ? m.diff.same : diff.kind === 'space' ? m.diff.onlySpace : diff.first === undefined ? '' : m.diff.firstAt(diff.first)
  return (
    <div>
      <p className="mb-1.5">{summary}</p>
      <div role="region" tabIndex={0} aria-label={`${m.run.your}, ${m.run.expected}`} className="max-h-80 overflow-auto rounded-md border border-border bg-surface">
        <table className="w-full border-collapse">
          <thead>
            <tr className="sticky top-0 bg-raised text-xs text-muted text-left">
              <th scope="col" className="w-10 px-2 py-1 font-medium text-right">
                #
              </th>
              <th scope="col" className="w-1/2 px-2 py-1 font-medium">
                {m.run.your}
              </th>
              <th scope="col" className="w-1/2 px-2 py-1 font-medium border-l border-border">
                {m.run.expected}
              </th>
            </tr>
          </thead>
          <tbody>
            {diff.rows.map((row) => (
              <Row key={row.line} row={row} isFirst={row.line === diff.first} />
            ))}
          </tbody>
        </table>
      </div>
      <p className="mt-1 text-xs text-muted">
        {diff.kind !== 'same' && m.diff.legend} {diff.omitted > 0 && m.diff.more(diff.omitted)} {truncated && m.diff.truncated}
      </p>
    </div>
  )
}

function Row({ row, isFirst }: { row: DiffRow; isFirst: boolean }) {
  const scroll = (line: HTMLTableRowElement | null) => {
    const around = line?.closest('[role=region]')
    if (isFirst && line && around) around.scrollTop = line.offsetTop - around.clientHeight / 3
  }
  return (
    <tr ref={scroll} data-same={row.same} className={row.same ? '' : 'bg-[color-mix(in_oklch,var(--wrong)_9%,transparent)]'}>
      <td className="figure px-2 text-right text-muted align-top select-none">{row.line}</td>
      <Cell text={row.ours} row={row} mark="−" />
      <Cell text={row.expected} row={row} mark="+" className="border-l border-border" />
    </tr>
  )
}

function Cell({ text, row, mark, className = '' }: { text: string | undefined; row: DiffRow; mark: string; className?: string }) {
  return (
    <td className={`px-2 align-top ${className}`}>
      <code className="whitespace-pre-wrap break-all">
        {text !== undefined && !row.same && <span className="select-none text-wrong">{mark} </span>}
        {text !== undefined && (row.same ? visible(text) : visibleSpace(text))}
      </code>
    </td>
  )
}
