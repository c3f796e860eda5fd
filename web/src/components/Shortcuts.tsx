// The list of keyboard shortcuts, opened with `?`. The user can choose other keys for shortcuts of a single character, and turn them off.
import { Dialog } from '@base-ui/react/dialog'
import { Fragment, useRef, useState, type ReactNode } from 'react'
import { useActionKeys } from '../hooks/useActionKeys'
import { useBackCloses } from '../hooks/useBackCloses'
import { useMessages, useTexts } from '../i18n/messages'
import { shortcuts } from '../i18n/shortcuts'
import { Button, buttonClass } from '../ui/Button'
import { ACTIONS, charactersOf, PALETTE_KEYS, useSingleKeys, type Action } from '../util/keys'

const KEY = 'px-1.5 rounded-sm border border-strong bg-raised leading-5'

export function Shortcuts({ open, onChange }: { open: boolean; onChange: (open: boolean) => void }) {
  const m = useMessages()
  const x = useTexts(shortcuts)
  const close = () => {
    setAsked(undefined)
    onChange(false)
  }
  useBackCloses(open, close)
  const [single, setSingle] = useSingleKeys()
  const [keys, setKeys] = useActionKeys()
  /** The action for which the next key is chosen. */
  const [asked, setAsked] = useState<Action>()
  const [fault, setFault] = useState<string>()
  // The first control is far down in the list, which would be scrolled to it.
  const popup = useRef<HTMLDivElement>(null)
  const { next, previous } = m.shortcuts
  const texts: Record<Action, string> = { search: x.search, filters: x.filters, next, previous, editor: x.editor, help: x.help }
  /** A shortcut that cannot be changed. `between`: the text between its keys; `+` means that they are pressed together. */
  const fixed = (keys: string[], text: string, between = '+') => ({ keys, text, between })
  const rows: (Action | ReturnType<typeof fixed>)[] = [
    fixed(PALETTE_KEYS, x.palette),
    'search',
    'filters',
    'next',
    'previous',
    fixed(['Enter'], x.enter),
    'editor',
    fixed(['Ctrl', "'"], x.run),
    fixed(['Ctrl', 'Enter'], x.submit),
    fixed(['←', '→'], x.arrows, '/'),
    fixed(['F8'], x.marks),
    fixed(['Esc', 'Tab'], x.leave, x.then),
    fixed(['Shift', 'Tab'], x.leaveTerminal),
    fixed(['Ctrl', 'Shift', 'C'], x.copyTerminal),
    'help',
  ]

  const ask = (action: Action | undefined) => {
    setAsked(action)
    setFault(undefined)
  }
  const choose = (event: React.KeyboardEvent, action: Action) => {
    const { key } = event
    if (asked !== action || ['Tab', 'Escape', 'Shift', 'Control', 'Alt', 'AltGraph', 'Meta', 'CapsLock'].includes(key)) return
    event.preventDefault()
    const changed = { ...keys, [action]: key }
    const other = ACTIONS.find((one) => one !== action && keys[one] === key)
    if (other !== undefined) return setFault(x.taken(key, texts[other]))
    // Only what can be stored is accepted.
    if (event.ctrlKey || event.metaKey || event.altKey || !charactersOf(ACTIONS.map((one) => changed[one]).join('')).includes(key)) return setFault(x.notOne)
    setKeys(changed)
    ask(undefined)
  }

  const changeable = (action: Action) => (
    <button
      type="button"
      aria-label={asked === action ? x.press : x.change(texts[action], keys[action])}
      onClick={(event) => {
        ask(asked === action ? undefined : action)
        // Safari does not focus a button that is clicked.
        event.currentTarget.focus()
      }}
      onKeyDown={(event) => choose(event, action)}
      onBlur={() => asked === action && ask(undefined)}
      className={`${KEY} min-w-6 min-h-6 pointer-coarse:min-w-11 pointer-coarse:min-h-11 hover:border-text ${asked === action ? 'border-accent font-sans' : ''}`}
    >
      {asked === action ? x.press : keys[action]}
    </button>
  )
  const row = (key: string, text: string, isOff: boolean, value: ReactNode) => (
    <div key={key} className="flex items-center justify-between gap-4 py-1.5 min-h-9 border-b border-border last:border-0">
      <dt className={isOff ? 'text-muted' : ''}>
        {text}
        {asked === key && fault !== undefined && (
          <span role="alert" className="block text-sm text-wrong">
            {fault}
          </span>
        )}
      </dt>
      <dd className="flex items-center gap-1 shrink-0 text-xs leading-[22px]">{isOff ? <span className="text-sm text-muted">{x.off}</span> : value}</dd>
    </div>
  )
  return (
    <Dialog.Root
      open={open}
      onOpenChange={(isOpen, { reason }) => {
        // Escape first ends the choice of a key.
        if (reason === 'escape-key' && asked !== undefined) ask(undefined)
        else isOpen ? onChange(true) : close()
      }}
    >
      <Dialog.Portal>
        <Dialog.Backdrop className="backdrop" />
        <Dialog.Popup ref={popup} initialFocus={popup} className="fixed z-50 left-1/2 top-1/2 -translate-x-1/2 -translate-y-1/2 w-[min(440px,calc(100vw-32px))] max-h-[calc(100vh-32px)] overflow-auto p-5 rounded-lg bg-surface border border-border shadow-lg outline-none">
          <Dialog.Title className="text-lg font-semibold">{m.shortcuts.open}</Dialog.Title>
          <dl className="mt-3">
            {rows.map((one) =>
              typeof one === 'string'
                ? row(one, texts[one], single === 'off', changeable(one))
                : row(
                    one.text,
                    one.text,
                    false,
                    one.keys.map((key, at) => (
                      <Fragment key={key}>
                        {at > 0 && <span className="text-muted">{one.between}</span>}
                        <kbd className={KEY}>{key}</kbd>
                      </Fragment>
                    )),
                  ),
            )}
          </dl>
          <label className="mt-4 flex items-center gap-2 pointer-coarse:min-h-11">
            <input type="checkbox" checked={single === 'on'} onChange={(event) => setSingle(event.target.checked ? 'on' : 'off')} aria-describedby="single-keys-detail" className="size-4 shrink-0 accent-accent-text" />
            <span>{x.single}</span>
          </label>
          <p id="single-keys-detail" className="ml-6 text-sm text-muted">
            {x.singleDetail}
          </p>
          <div className="mt-4 flex flex-wrap gap-2">
            <Dialog.Close className={buttonClass()}>{m.close}</Dialog.Close>
            {single === 'on' && <Button onClick={() => setKeys(undefined)}>{x.usual}</Button>}
          </div>
        </Dialog.Popup>
      </Dialog.Portal>
    </Dialog.Root>
  )
}
