// The picker for tags of the problem list. Its list is loaded when the pointer or the focus reaches the button.
import { ChevronDown } from 'lucide-react'
import { lazy, Suspense, useState } from 'react'
import { list } from '../i18n/list'
import { useMessages, useTexts } from '../i18n/messages'
import { PICKER_BUTTON } from '../ui/picker'

const load = () => import('./TagList')
const TagList = lazy(async () => ({ default: (await load()).TagList }))

export function TagPicker({ chosen, onChange, className = '' }: { chosen: string[]; onChange: (tags: string[]) => void; className?: string }) {
  const m = useMessages()
  const l = useTexts(list)
  const [use, setUse] = useState<'unused' | 'open' | 'closed'>('unused')
  const button = (
    <button
      type="button"
      role="combobox"
      aria-label={l.tags}
      aria-haspopup="dialog"
      aria-expanded={false}
      onPointerEnter={() => void load()}
      onFocus={() => void load()}
      onClick={() => setUse('open')}
      onKeyDown={(event) => {
        if (event.key !== 'ArrowDown' && event.key !== 'ArrowUp') return
        event.preventDefault()
        setUse('open')
      }}
      className={`${PICKER_BUTTON} ${className}`}
    >
      <span className="truncate">{chosen.length === 0 ? m.list.anyTag : l.chosen(chosen.length)}</span>
      <ChevronDown aria-hidden size={14} className="shrink-0 text-muted" />
    </button>
  )
  if (use === 'unused') return button
  return (
    <Suspense fallback={button}>
      <TagList chosen={chosen} isOpen={use === 'open'} onOpen={(isOpen) => setUse(isOpen ? 'open' : 'closed')} onChange={onChange} className={className} />
    </Suspense>
  )
}
