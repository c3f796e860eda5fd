// The list of languages that `LanguagePicker` opens: searched by name, id and alias.
import { Combobox } from '@base-ui/react/combobox'
import { Check, ChevronDown } from 'lucide-react'
import { useMemo } from 'react'
import type { Schema } from '../api/client'
import { languageList } from '../i18n/language-list'
import { useMessages, useTexts } from '../i18n/messages'
import { collectKeys, giveKeys } from '../ui/early-keys'
import { matchesQuery, PICKER_BUTTON, PICKER_GROUP, PICKER_INPUT, PICKER_ITEM, PICKER_LIST, PICKER_POPUP } from '../ui/picker'
import { inOrder } from '../util/language-order'
import { languageName } from '../util/language'
import { whyNot, type Accepted } from '../util/language-choice'
import { recentLanguages } from '../util/recent-languages'

type Language = Schema['LanguageView']

interface Group {
  title: string
  items: Language[]
}

interface LanguageListProps {
  languages: Language[]
  accepted: Accepted
  value: string
  isOpen: boolean
  onOpen: (isOpen: boolean) => void
  onChange: (id: string) => void
  className: string
}

/** Scrolls to the chosen language when the list opens. */
const showChosen = (list: HTMLElement | null) => {
  if (list === null) return
  // The list is placed, and gets its height, after it was made.
  requestAnimationFrame(() => requestAnimationFrame(() => list.querySelector('[data-selected]')?.scrollIntoView({ block: 'nearest' })))
}

export function LanguageList({ languages, accepted, value, isOpen, onOpen, onChange, className }: LanguageListProps) {
  const m = useMessages()
  const t = useTexts(languageList)
  const groups = useMemo((): Group[] => {
    const recent = recentLanguages().flatMap((id) => languages.filter((one) => one.language_id === id))
    const others = inOrder(languages.filter((one) => !recent.includes(one)))
    return [
      { title: t.recent, items: recent },
      { title: t.all, items: others },
    ].filter((group) => group.items.length > 0)
    // The recent languages are read again each time the list opens.
  }, [languages, t, isOpen])
  const current = languages.find((one) => one.language_id === value) ?? null
  return (
    <Combobox.Root
      items={groups}
      value={current}
      onValueChange={(next) => next !== null && onChange(next.language_id)}
      open={isOpen}
      onOpenChange={(opens) => {
        if (opens) collectKeys()
        onOpen(opens)
      }}
      itemToStringLabel={(one: Language) => languageName(one)}
      isItemEqualToValue={(one, other) => one.language_id === other.language_id}
      filter={(one: Language, query) => matchesQuery([languageName(one), one.language_id, ...one.aliases], query)}
      autoHighlight
    >
      <Combobox.Trigger aria-label={m.editor.language} className={`${PICKER_BUTTON} ${className}`}>
        <span className="truncate">{current === null ? '' : languageName(current)}</span>
        <ChevronDown aria-hidden size={14} className="shrink-0 text-muted" />
      </Combobox.Trigger>
      <Combobox.Portal>
        <Combobox.Positioner align="start" sideOffset={4} className="z-40">
          <Combobox.Popup className={PICKER_POPUP} aria-label={m.editor.language}>
            <Combobox.Input onFocus={giveKeys} aria-label={t.search} placeholder={t.search} spellCheck={false} className={PICKER_INPUT} />
            <Combobox.Empty className="px-3 empty:hidden">
              <p className="py-3 text-muted">{t.none}</p>
            </Combobox.Empty>
            <Combobox.List ref={showChosen} className={PICKER_LIST}>
              {(group: Group) => (
                <Combobox.Group key={group.title} items={group.items}>
                  <Combobox.GroupLabel className={PICKER_GROUP}>{group.title}</Combobox.GroupLabel>
                  <Combobox.Collection>
                    {(one: Language) => (
                      <Combobox.Item key={one.language_id} value={one} data-language={one.language_id} className={PICKER_ITEM}>
                        <span aria-hidden className="w-4 shrink-0">
                          {one.language_id === value && <Check size={16} strokeWidth={1.75} className="text-accent-text" />}
                        </span>
                        <span className="min-w-0 truncate" title={languageName(one)}>
                          {languageName(one)}
                        </span>
                        <Mark language={one} accepted={accepted} />
                      </Combobox.Item>
                    )}
                  </Combobox.Collection>
                </Combobox.Group>
              )}
            </Combobox.List>
          </Combobox.Popup>
        </Combobox.Positioner>
      </Combobox.Portal>
    </Combobox.Root>
  )
}

/** Said beside a language that is listed only because it is chosen or has code. */
function Mark({ language, accepted }: { language: Language; accepted: Accepted }) {
  const t = useTexts(languageList)
  const cannotRun = whyNot(language, accepted)
  if (cannotRun === undefined) return null
  return (
    <span className="ml-auto shrink-0 text-xs text-muted" title={cannotRun.reason}>
      {t[cannotRun.why]}
    </span>
  )
}
