// Typesets mathematics. Loaded only for statements that contain formulas. KaTeX creates elements and sets their styles
// by script, which the content security policy allows. It writes no markup.
import katex from 'katex'
import 'katex/dist/katex.min.css'
import { pause } from './pause'

/** Maximum length of a formula that is typeset. A longer formula stays TeX. */
const TEX_CHARS_MAX = 4_000

/** Formulas are typeset for so long before the browser may do something else. */
const TASK_MS = 5

/** Ends when `isCurrent` says that the places are no longer shown. */
export async function typeset(places: Iterable<HTMLElement>, isCurrent: () => boolean): Promise<void> {
  let began = performance.now()
  for (const place of places) {
    if (performance.now() - began > TASK_MS) {
      await pause()
      began = performance.now()
    }
    if (!isCurrent()) return
    const tex = place.textContent ?? ''
    if (tex.length > TEX_CHARS_MAX) continue
    try {
      katex.render(tex, place, {
        displayMode: place.dataset['mathStyle'] === 'display',
        throwOnError: true,
        trust: false,
        maxSize: 20,
        maxExpand: 200,
      })
    } catch {
      // A formula that KaTeX cannot parse stays as the author wrote it.
      place.textContent = tex
    }
  }
}
