// The samples of a statement, each part with a copy button.
import { SquareTerminal } from 'lucide-react'
import type { Schema } from '../api/client'
import { editing } from '../i18n/editing'
import { useMessages, useTexts } from '../i18n/messages'
import { Button } from '../ui/Button'
import { CopyButton } from '../ui/CopyButton'
import { visible } from '../util/visible'

/**
 * `onPlay` opens the playground with an input and the code in the editor. The program of an interactive problem neither
 * reads a sample's input nor prints its answer: both belong to the interactor.
 */
export function Samples({ problem, onPlay }: { problem: Pick<Schema['ProblemView'], 'samples' | 'is_interactive'>; onPlay: (input: string) => void }) {
  const m = useMessages()
  const { interactor } = useTexts(editing)
  const { samples, is_interactive: isInteractive } = problem
  return (
    <div className="space-y-5">
      {samples.map((sample, at) => (
        <section key={sample.name}>
          <h3 className="mb-1.5 font-semibold">{m.problem.sample(at + 1)}</h3>
          <div className="grid sm:grid-cols-2 gap-3">
            <Part title={isInteractive ? interactor.input : m.problem.input} of={m.problem.sample(at + 1)} text={sample.input} />
            {!isInteractive && <Part title={m.problem.output} of={m.problem.sample(at + 1)} text={sample.output} />}
            <Part title={m.problem.conversation} of={m.problem.sample(at + 1)} text={sample.conversation} />
          </div>
          {!isInteractive && sample.input != null && !sample.truncated && <PlayButton of={m.problem.sample(at + 1)} onClick={() => onPlay(sample.input ?? '')} />}
          {sample.truncated && <p className="mt-1 text-sm text-muted">{m.problem.truncated}</p>}
        </section>
      ))}
    </div>
  )
}

export function PlayButton({ of, onClick }: { of: string; onClick: () => void }) {
  const m = useMessages()
  return (
    <Button look="quiet" className="mt-1 px-2 text-sm text-muted" onClick={onClick}>
      <SquareTerminal aria-hidden size={14} strokeWidth={1.5} />
      {m.play.open}
      <span className="sr-only">{of}</span>
    </Button>
  )
}

function Part({ title, of, text }: { title: string; of: string; text: string | null | undefined }) {
  const m = useMessages()
  if (text === null || text === undefined) return null
  return (
    <div className="min-w-0 rounded-md border border-border bg-surface">
      <div className="flex items-center justify-between pl-3 pr-1.5 py-0.5 border-b border-border text-xs text-muted">
        <span>{title}</span>
        <CopyButton text={text} what={m.parts([of, title])} />
      </div>
      <pre tabIndex={0} aria-label={m.parts([of, title])} className="scroll-x px-3 py-2 max-h-80 overflow-auto rounded-b-md bg-surface">
        {visible(text)}
      </pre>
    </div>
  )
}
