// The picker for tags of the problem list. Its list is loaded when the pointer or the focus reaches the button.
import { ChevronDown } from 'lucide-react'
import { usePopup } from '../hooks/usePopup'
import { list } from '../i18n/list'
import { useMessages, useTexts } from '../i18n/messages'
import { collectKeys } from '../ui/early-keys'
import { PICKER_BUTTON } from '../ui/picker'
import { tagsOf, type ListSearch } from '../util/search'
import { lazyPart } from './LazyPart'

const load = () => import('./TagList')
const TagList = lazyPart(async () => (await load()).TagList)

interface TagPickerProps {
  /** The filters of the list. */
  search: ListSearch
  onChange: (tags: string[]) => void
  className?: string
}

export function TagPicker({ search, onChange, className = '' }: TagPickerProps) {
  const m = useMessages()
  const l = useTexts(list)
  const popup = usePopup(load)
  const chosen = tagsOf(search)
  const button = (
    <button
      type="button"
      role="combobox"
      aria-label={l.tags}
      aria-haspopup="dialog"
      {...popup.button}
      onClick={() => {
        collectKeys()
        popup.open()
      }}
      className={`${PICKER_BUTTON} ${className}`}
    >
      <span className="truncate">{chosen.length === 0 ? m.list.anyTag : l.chosen(chosen.length)}</span>
      <ChevronDown aria-hidden size={14} className="shrink-0 text-muted" />
    </button>
  )
  if (!popup.isUsed) return button
  return (
    <TagList waiting={button} search={search} isOpen={popup.isOpen} onOpen={popup.setOpen} onChange={onChange} className={className} />
  )
}
