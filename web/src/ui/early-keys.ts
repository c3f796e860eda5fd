// What a person types after a list was opened and before its search field has the focus. The keys are kept for the field: they would
// otherwise be lost, or be taken for shortcuts of the page.

/** Time in ms after which a list that has not opened gets no more keys. */
const WAIT_MS = 3_000

let typed = ''
let end: (() => void) | undefined

/** Collects keys until `giveKeys` is called, or another field takes the focus. */
export function collectKeys(): void {
  end?.()
  typed = ''
  const before = document.activeElement
  const key = (event: KeyboardEvent) => {
    const focused = document.activeElement
    const isField = focused !== before && focused?.matches('input, textarea, [data-editor]') === true
    if (isField || event.key === 'Escape' || event.key === 'Tab') return end?.()
    if (event.isComposing || event.ctrlKey || event.metaKey || event.altKey) return
    if (event.key === 'Backspace') typed = typed.slice(0, -1)
    else if ([...event.key].length === 1) typed += event.key
    else return
    event.preventDefault()
    event.stopPropagation()
  }
  const timer = setTimeout(() => end?.(), WAIT_MS)
  addEventListener('keydown', key, true)
  end = () => {
    removeEventListener('keydown', key, true)
    clearTimeout(timer)
    end = undefined
  }
}

/** Writes the collected keys into the search field that has just got the focus. */
export function giveKeys(): void {
  if (end === undefined) return
  end()
  // As if it were typed, so that the list is searched.
  if (typed !== '') document.execCommand('insertText', false, typed)
}
