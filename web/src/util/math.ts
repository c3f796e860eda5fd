// Mathematics, loaded only for statements that have some. KaTeX builds elements and sets their styles by script, which
// the content security policy allows; it never writes markup.
import katex from 'katex'
import 'katex/dist/katex.min.css'
import { pause } from './pause'

/** Longest formula that is typeset; a longer one stays TeX. */
const TEX_CHARS_MAX = 4_000

/** Formulas are typeset for so long before the browser may do something else. */
const TASK_MS = 5

/** Shows all formulas at once, so that the text moves once. Ends when `isCurrent` says that the places are no longer shown. */
export async function typeset(places: Iterable<HTMLElement>, isCurrent: () => boolean): Promise<void> {
  const made: [place: HTMLElement, formula: HTMLElement][] = []
  let began = performance.now()
  for (const place of places) {
    if (performance.now() - began > TASK_MS) {
      await pause()
      began = performance.now()
    }
    if (!isCurrent()) return
    const tex = place.textContent ?? ''
    if (tex.length > TEX_CHARS_MAX) continue
    const formula = document.createElement('span')
    try {
      katex.render(tex, formula, {
        displayMode: place.dataset['mathStyle'] === 'display',
        throwOnError: true,
        trust: false,
        maxSize: 20,
        maxExpand: 200,
      })
      made.push([place, formula])
    } catch {
      // What KaTeX cannot read stays as the author wrote it.
    }
  }
  for (const [place, formula] of made) place.replaceChildren(...formula.childNodes)
}
