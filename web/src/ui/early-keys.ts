// What a person types after a list was opened and before its search field has the focus. The keys are kept for the field: they would
// otherwise be lost, or be taken for shortcuts of the page.

/** Time in ms after which a list that has not opened gets no keys. */
const WAIT_MS = 20_000

let typed = ''
let end: (() => void) | undefined

/** Collects keys until `giveKeys` or `dropKeys` is called, or another field takes the focus. */
export function collectKeys(): void {
  dropKeys()
  const before = document.activeElement
  const key = (event: KeyboardEvent) => {
    const focused = document.activeElement
    const isField = focused !== before && focused?.matches('input, textarea, [data-editor]') === true
    if (isField || event.key === 'Escape' || event.key === 'Tab') return dropKeys()
    if (event.isComposing || event.ctrlKey || event.metaKey || event.altKey) return
    if (event.key === 'Backspace') typed = typed.slice(0, -1)
    else if ([...event.key].length === 1) typed += event.key
    else return
    event.preventDefault()
    event.stopPropagation()
  }
  const timer = setTimeout(dropKeys, WAIT_MS)
  addEventListener('keydown', key, true)
  // A person who points elsewhere no longer types into the list.
  addEventListener('pointerdown', dropKeys, true)
  // Nor does one who leaves the page by the keys for Back.
  addEventListener('popstate', dropKeys)
  end = () => {
    removeEventListener('keydown', key, true)
    removeEventListener('pointerdown', dropKeys, true)
    removeEventListener('popstate', dropKeys)
    clearTimeout(timer)
    end = undefined
  }
}

/** Stops collecting, and forgets the keys. */
export function dropKeys(): void {
  end?.()
  typed = ''
}

/** Writes the collected keys into the search field that has just got the focus. */
export function giveKeys(): void {
  const text = typed
  dropKeys()
  // As if it were typed, so that the list is searched.
  if (text !== '') document.execCommand('insertText', false, text)
}
