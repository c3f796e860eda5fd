// Mathematics, loaded only for statements that have some. KaTeX builds elements and sets their styles by script, which
// the content security policy allows; it never writes markup.
import katex from 'katex'
import 'katex/dist/katex.min.css'
import { pause } from './pause'

/** Longest formula that is typeset; a longer one stays TeX. */
const TEX_CHARS_MAX = 4_000

/** A formula of at most so many characters fits into a line of a phone, and stays in one line. */
const LINE_CHARS = 22

/** Time in ms for which formulas are typeset before the browser may do something else. */
const TASK_MS = 5

/**
 * Text with which a line must not end before a formula, and text with which it must not begin after a formula: brackets,
 * marks, and endings as in `n-th`.
 */
const BEFORE = /[([{‘“«（「『【《]+$/
const AFTER = /^(?:[-‑–]?[a-z]{1,3}(?![a-z]))?[.,;:!?%…)\]}’”»，。；：、！？）」』】》]*/

/**
 * Puts a formula and the marks beside it into one element in which no line breaks, except between the parts of the formula. A browser
 * may otherwise break a line between them. In a short formula, no line breaks.
 */
function joinMarks(place: HTMLElement): void {
  const isShort = (place.querySelector('.katex-html')?.textContent ?? '').replace(/[\u200b\s]/g, '').length <= LINE_CHARS
  if (isShort) place.classList.add('whitespace-nowrap')
  const { previousSibling: previous, nextSibling: next } = place
  const before = previous instanceof Text ? (BEFORE.exec(previous.data)?.[0] ?? '') : ''
  const after = next instanceof Text ? (AFTER.exec(next.data)?.[0] ?? '') : ''
  if (before + after === '') return
  const joined = document.createElement('span')
  joined.className = 'whitespace-nowrap'
  place.replaceWith(joined)
  if (before !== '') (previous as Text).deleteData((previous as Text).length - before.length, before.length)
  if (after !== '') (next as Text).deleteData(0, after.length)
  joined.append(before, place, after)
  if (isShort) return
  // A line may break after each part of the formula but the last.
  const parts = place.querySelector('.katex-html')
  const [last, ...others] = [...(parts?.children ?? [])].reverse()
  if (last === undefined || others.length === 0) return
  const breaking = document.createElement('span')
  breaking.className = 'whitespace-normal'
  breaking.append(...others.reverse())
  last.before(breaking)
}

/** Leaves the colours of the author, which KaTeX sets on elements, to the style sheet (`.ink` and `.paper`). */
function adaptColours(formula: HTMLElement): void {
  for (const part of formula.querySelectorAll<HTMLElement>('[style*=color]')) {
    const { style } = part
    // The content of a box is beside the box, in the same list.
    if (style.backgroundColor !== '') part.closest('.vlist-t')?.classList.add('paper')
    if (style.color === '') continue
    style.setProperty('--ink', style.color)
    style.color = ''
    part.classList.add('ink')
  }
}

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
      adaptColours(formula)
      made.push([place, formula])
    } catch {
      // What KaTeX cannot read stays as the author wrote it.
    }
  }
  for (const [place, formula] of made) {
    place.replaceChildren(...formula.childNodes)
    if (place.dataset['mathStyle'] !== 'display') joinMarks(place)
  }
}
