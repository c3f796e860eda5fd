// Where the user types, as an attribute of the document. In low windows, styles.css hides the parts of the page that are not needed then.

/** Time for which the attribute stays when nothing has the focus, in ms. A tapped element must not move before the tap has reached it. */
const STAYS_MS = 300

const kindOf = (focused: Element | null) =>
  focused?.matches('[data-editor]') ? 'code' : focused?.matches('[data-terminal] *') ? 'terminal' : focused?.matches('input:not([type=checkbox]), textarea') ? 'field' : undefined

/** Returns a function that ends the watching. */
export function watchTyping(): () => void {
  const { dataset } = document.documentElement
  let pause: ReturnType<typeof setTimeout>
  const note = () => {
    clearTimeout(pause)
    const kind = kindOf(document.activeElement)
    if (kind !== undefined) dataset.typing = kind
    else pause = setTimeout(() => delete dataset.typing, STAYS_MS)
  }
  addEventListener('focusin', note)
  addEventListener('focusout', note)
  return () => {
    removeEventListener('focusin', note)
    removeEventListener('focusout', note)
    clearTimeout(pause)
    delete dataset.typing
  }
}
