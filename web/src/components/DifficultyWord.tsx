// How difficult a problem is, as a word with a colour.
import { useMessages } from '../i18n/messages'
import type { Difficulty } from '../util/search'

export function DifficultyWord({ value }: { value: string | null | undefined }) {
  const m = useMessages()
  const known = (['easy', 'medium', 'hard'] as Difficulty[]).find((one) => one === value)
  if (known === undefined) return null
  const colour = { easy: 'text-accepted', medium: 'text-limit', hard: 'text-wrong' }[known]
  return <span className={colour}>{m.list.difficulties[known]}</span>
}
