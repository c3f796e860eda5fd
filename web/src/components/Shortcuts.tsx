// The list of keyboard shortcuts, opened with `?`.
import { Dialog } from '@base-ui/react/dialog'
import { Fragment, useRef } from 'react'
import { useBackCloses } from '../hooks/useBackCloses'
import { useMessages, useTexts } from '../i18n/messages'
import { shortcuts } from '../i18n/shortcuts'
import { buttonClass } from '../ui/Button'
import { PALETTE_KEYS, useSingleKeys } from '../util/keys'

/** Shortcuts that the setting turns off: those of a single character. */
const SINGLE_KEYS = /^[a-z/?]$/

export function Shortcuts({ open, onChange }: { open: boolean; onChange: (open: boolean) => void }) {
  const m = useMessages()
  const s = m.shortcuts
  const x = useTexts(shortcuts)
  useBackCloses(open, () => onChange(false))
  const [single, setSingle] = useSingleKeys()
  // The first control is at the end of the list, which would be scrolled to it.
  const popup = useRef<HTMLDivElement>(null)
  /** Keys, what they do, and what is between the keys: they are pressed together, unless it says otherwise. */
  const keys: [string[], string, string?][] = [
    [PALETTE_KEYS, s.palette],
    [['/'], s.search],
    [['f'], x.filters],
    [['j'], s.next],
    [['k'], s.previous],
    [['Enter'], s.enter],
    [['e'], x.editor],
    [['Ctrl', "'"], s.run],
    [['Ctrl', 'Enter'], s.submit],
    [['←', '→'], s.arrows, '/'],
    [['F8'], x.marks],
    [['Esc', 'Tab'], s.leave, x.then],
    [['Shift', 'Tab'], s.leaveTerminal],
    [['Ctrl', 'Shift', 'C'], s.copyTerminal],
    [['?'], s.help],
  ]
  return (
    <Dialog.Root open={open} onOpenChange={onChange}>
      <Dialog.Portal>
        <Dialog.Backdrop className="backdrop" />
        <Dialog.Popup ref={popup} initialFocus={popup} className="fixed z-50 left-1/2 top-1/2 -translate-x-1/2 -translate-y-1/2 w-[min(440px,calc(100vw-32px))] max-h-[calc(100vh-32px)] overflow-auto p-5 rounded-lg bg-surface border border-border shadow-lg outline-none">
          <Dialog.Title className="text-lg font-semibold">{s.title}</Dialog.Title>
          <dl className="mt-3">
            {keys.map(([combination, text, between = '+']) => {
              const isOff = single === 'off' && SINGLE_KEYS.test(combination.join())
              return (
                <div key={text} className="flex items-center justify-between gap-4 py-1.5 border-b border-border last:border-0">
                  <dt className={isOff ? 'text-muted' : ''}>{text}</dt>
                  <dd className="flex gap-1 shrink-0 text-xs leading-[22px]">
                    {isOff ? (
                      <span className="text-sm text-muted leading-[22px]">{x.off}</span>
                    ) : (
                      combination.map((key, at) => (
                        <Fragment key={key}>
                          {at > 0 && <span className="text-muted">{between}</span>}
                          <kbd className="px-1.5 rounded-sm border border-strong bg-raised leading-5">{key}</kbd>
                        </Fragment>
                      ))
                    )}
                  </dd>
                </div>
              )
            })}
          </dl>
          <label className="mt-4 flex items-center gap-2 pointer-coarse:min-h-11">
            <input type="checkbox" checked={single === 'on'} onChange={(event) => setSingle(event.target.checked ? 'on' : 'off')} aria-describedby="single-keys-detail" className="size-4 shrink-0 accent-accent-text" />
            <span>{x.single}</span>
          </label>
          <p id="single-keys-detail" className="ml-6 text-sm text-muted">
            {x.singleDetail}
          </p>
          <Dialog.Close className={`${buttonClass()} mt-4`}>{m.close}</Dialog.Close>
        </Dialog.Popup>
      </Dialog.Portal>
    </Dialog.Root>
  )
}
