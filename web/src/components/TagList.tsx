// The list of tags that `TagPicker` opens: any number of tags can be chosen, and each tag has the number of problems
// that match the other filters.
import { Combobox } from '@base-ui/react/combobox'
import { useQuery } from '@tanstack/react-query'
import { Check, ChevronDown } from 'lucide-react'
import { useState } from 'react'
import { tagsQuery } from '../api/tags'
import { list } from '../i18n/list'
import { useLanguage, useTexts } from '../i18n/messages'
import { collectKeys, giveKeys } from '../ui/early-keys'
import { beginningFirst, matchesQuery, PICKER_BUTTON, PICKER_INPUT, PICKER_ITEM, PICKER_LIST, PICKER_POPUP } from '../ui/picker'
import { TAGS_MAX, tagsOf, type ListSearch } from '../util/search'
import { ErrorBox } from './ErrorBox'

interface TagListProps {
  search: ListSearch
  isOpen: boolean
  onOpen: (isOpen: boolean) => void
  onChange: (tags: string[]) => void
  className: string
}

export function TagList({ search, isOpen, onOpen, onChange, className }: TagListProps) {
  const { messages: m, tag: locale } = useLanguage()
  const l = useTexts(list)
  const [query, setQuery] = useState('')
  const chosen = tagsOf(search)
  // The tags that were chosen when the list was opened come first. A tag does not move away under the pointer that chooses it.
  const [top, setTop] = useState(chosen)
  const found = useQuery(tagsQuery(search))
  const counts = new Map(found.data?.map(({ tag, problems }) => [tag, problems]))
  // A chosen tag may belong to no problem that matches.
  const first = [...top.filter((tag) => chosen.includes(tag) || counts.has(tag)), ...chosen.filter((tag) => !top.includes(tag) && !counts.has(tag))]
  const byName = (a: string, b: string) => m.tag(a).localeCompare(m.tag(b), locale)
  const tags = [...first, ...[...counts.keys()].filter((tag) => !first.includes(tag)).sort(byName)]
  return (
    <Combobox.Root
      multiple
      items={beginningFirst(tags, query, m.tag)}
      onInputValueChange={setQuery}
      value={chosen}
      onValueChange={(next) => next.length <= TAGS_MAX && onChange(next)}
      open={isOpen}
      onOpenChange={(opens) => {
        if (opens) {
          collectKeys()
          setTop(chosen)
        }
        onOpen(opens)
      }}
      filter={(tag: string, typed) => matchesQuery([tag, m.tag(tag)], typed)}
      autoHighlight
    >
      <Combobox.Trigger aria-label={l.tags} className={`${PICKER_BUTTON} ${className}`}>
        <span className="truncate">{chosen.length === 0 ? m.list.anyTag : l.chosen(chosen.length)}</span>
        <ChevronDown aria-hidden size={14} className="shrink-0 text-muted" />
      </Combobox.Trigger>
      <Combobox.Portal>
        <Combobox.Positioner align="start" sideOffset={4} className="z-40">
          <Combobox.Popup className={PICKER_POPUP} aria-label={l.tags}>
            <Combobox.Input onFocus={giveKeys} aria-label={l.search} placeholder={l.search} spellCheck={false} autoCapitalize="none" className={PICKER_INPUT} />
            {found.isPending && (
              <p role="status" className="px-3 py-3 text-muted">
                {m.loading}
              </p>
            )}
            {found.error !== null && (
              <div className="p-2">
                <ErrorBox isCompact error={found.error} what={l.failed} onRetry={() => void found.refetch()} />
              </div>
            )}
            <Combobox.Empty className="px-3 empty:hidden">{found.data !== undefined && <p className="py-3 text-muted">{l.none}</p>}</Combobox.Empty>
            <Combobox.List className={PICKER_LIST}>
              {(tag: string) => {
                const problems = counts.get(tag) ?? 0
                return (
                  <Combobox.Item key={tag} value={tag} className={PICKER_ITEM}>
                    <span aria-hidden className="w-4 shrink-0">
                      {chosen.includes(tag) && <Check size={16} strokeWidth={1.75} className="text-accent-text" />}
                    </span>
                    <span className="grow min-w-0 truncate" title={m.tag(tag)}>
                      {m.tag(tag)}
                    </span>
                    <span className="figure leading-5 text-muted">
                      <span aria-hidden>{problems}</span>
                      <span className="sr-only">{l.problems(problems)}</span>
                    </span>
                  </Combobox.Item>
                )
              }}
            </Combobox.List>
          </Combobox.Popup>
        </Combobox.Positioner>
      </Combobox.Portal>
    </Combobox.Root>
  )
}
