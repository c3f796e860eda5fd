// The groups of a scored problem, each with its verdict and its points.
import type { Schema } from '../api/client'
import { editing } from '../i18n/editing'
import { useMessages, useTexts } from '../i18n/messages'
import { verdictOf } from '../util/verdict'
import { visible } from '../util/visible'
import { VerdictGlyph } from './VerdictBadge'

export function Groups({ groups }: { groups: Schema['GroupView'][] }) {
  const m = useMessages()
  const { groups: title } = useTexts(editing)
  return (
    <ul aria-label={title} className="mt-1 flex flex-wrap gap-x-4 gap-y-0.5">
      {groups.map((group) => {
        const code = verdictOf(group.verdict) ?? 'JE'
        return (
          <li key={group.name} title={m.verdicts[code].word} className="inline-flex items-center gap-1.5">
            <VerdictGlyph code={code} size={14} />
            <span className="sr-only">{m.verdicts[code].word}</span>
            {visible(group.name)}
            <span className="figure">
              {group.score ?? 0}
              {group.max_score != null && <span className="text-muted"> / {group.max_score}</span>}
            </span>
          </li>
        )
      })}
    </ul>
  )
}
