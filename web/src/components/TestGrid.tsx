// One cell per test. Cells are filled as tests end. A cell selects the test that is shown, and arrow keys move between
// cells.
import { LoaderCircle } from 'lucide-react'
import { useRef, type KeyboardEvent } from 'react'
import { editing } from '../i18n/editing'
import { useMessages, useTexts } from '../i18n/messages'
import { familyOf, type VerdictCode, type VerdictFamily } from '../util/verdict'
import { VerdictGlyph } from './VerdictBadge'

export interface GridTest {
  verdict: VerdictCode | undefined
  isRunning: boolean
  /** Time and memory of the test, in words and as a share of the limit. */
  time?: Used
  memory?: Used
}

interface Used {
  text: string
  share: number
}

const BORDERS: Record<VerdictFamily, string> = {
  accepted: 'border-accepted',
  wrong: 'border-wrong',
  limit: 'border-limit',
  runtime: 'border-runtime',
  compile: 'border-compile',
  internal: 'border-internal',
  muted: 'border-border',
}

/** Share of a limit from which bars are shown. If every test needs less, all bars would look empty. */
const BARS_FROM = 0.1

interface TestGridProps {
  tests: GridTest[]
  /** Index of the shown test. */
  selected?: number | undefined
  onSelect?: (index: number) => void
}

export function TestGrid({ tests, selected, onSelect }: TestGridProps) {
  const m = useMessages()
  const { grid: g } = useTexts(editing)
  const hasBars = tests.some(({ time, memory }) => Math.max(time?.share ?? 0, memory?.share ?? 0) >= BARS_FROM)
  // Room for the largest number, so that all cells have the same width.
  const width = tests.length < 100 ? 'min-w-12' : 'min-w-14'
  const grid = useRef<HTMLDivElement>(null)
  const key = (event: KeyboardEvent) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key]
    const to = step !== undefined ? (selected ?? 0) + step : { Home: 0, End: tests.length - 1 }[event.key]
    if (to === undefined || onSelect === undefined || to < 0 || to >= tests.length) return
    event.preventDefault()
    onSelect(to)
    grid.current?.querySelectorAll<HTMLElement>('button')[to]?.focus()
  }
  return (
    <div>
      <div ref={grid} role="group" aria-label={m.run.tests} onKeyDown={key} className="flex flex-wrap gap-1">
        {tests.map((test, at) => {
          const word = test.verdict === undefined ? m.run.pending : m.verdicts[test.verdict].word
          const used = g.used(test.time?.text, test.memory?.text)
          const name = m.pair(m.run.test(at + 1), g.used(word, used))
          const border = test.verdict === undefined ? 'border-border' : BORDERS[familyOf(test.verdict)]
          return (
            <button
              key={at}
              type="button"
              disabled={onSelect === undefined}
              aria-pressed={at === selected}
              aria-label={name}
              title={name}
              tabIndex={at === (selected ?? 0) ? 0 : -1}
              onClick={() => onSelect?.(at)}
              className={`figure relative inline-flex items-center justify-center gap-0.5 pointer-coarse:h-11 ${hasBars ? 'h-9 pb-2' : 'h-7'} ${width} px-1.5 rounded-sm border bg-surface enabled:hover:bg-raised disabled:cursor-default aria-pressed:bg-raised aria-pressed:ring-1 aria-pressed:ring-strong ${border}`}
            >
              {test.isRunning ? (
                <LoaderCircle aria-hidden size={14} className="animate-spin text-muted" />
              ) : (
                test.verdict !== undefined && <VerdictGlyph code={test.verdict} size={14} />
              )}
              {at + 1}
              {hasBars && (
                <span aria-hidden className="absolute inset-x-1.5 bottom-1 space-y-0.5">
                  <UsedBar used={test.time} />
                  <UsedBar used={test.memory} />
                </span>
              )}
            </button>
          )
        })}
        {hasBars && <p className="self-center pl-2 text-xs text-muted">{g.legend}</p>}
      </div>
    </div>
  )
}

function UsedBar({ used }: { used: Used | undefined }) {
  return <span className="block h-0.5 bg-border">{used !== undefined && <span className="block h-full bg-text" style={{ width: `${Math.max(4, used.share * 100)}%` }} />}</span>
}
