// Typesets mathematics. Loaded only for statements that contain formulas. KaTeX creates elements and sets their styles
// by script, which the content security policy allows. It writes no markup.
import katex from 'katex'
import 'katex/dist/katex.min.css'

/** Maximum length of a formula that is typeset. A longer formula stays TeX. */
const TEX_CHARS_MAX = 4_000

export function typeset(places: Iterable<HTMLElement>): void {
  for (const place of places) {
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
