// Shows the output of programs safely. Control characters and directional overrides are replaced by their codes, so
// that output cannot hide or reorder the text on the page.

/** Maximum number of characters shown of a line. Browsers stall on lines of several megabytes. */
export const LINE_CHARS_MAX = 2_000

/** Maximum number of lines shown of an output. */
export const LINES_MAX = 500

// Bidirectional overrides, isolates and marks; zero-width characters, except the joiner within an emoji. Source: Unicode Standard Annex 9;
// CVE-2021-42574; Unicode Technical Standard 51, "Emoji ZWJ Sequences".
const HIDDEN = /[\u200b\u200c\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff]|(?<![\p{So}\p{Sk}\ufe0f])\u200d|\u200d(?!\p{So})/gu
const CONTROL = /[\u0000-\u0008\u000b-\u001f\u007f]/g

const hex = (c: string, digits: number): string => c.charCodeAt(0).toString(16).toUpperCase().padStart(digits, '0')

export function visible(text: string): string {
  return text
    .replace(CONTROL, (c) => `‹${hex(c, 2)}›`)
    .replace(HIDDEN, (c) => `‹U+${hex(c, 4)}›`)
}

// Overrides, embeddings and isolates reorder text beyond their own place. The marks LRM and RLM do not, and texts in right-to-left
// scripts need them. Source: Unicode Technical Report 36, "Bidirectional Text Spoofing"; Boucher and Anderson, "Trojan Source".
const REORDERING = /[\u202a-\u202e\u2066-\u2069]/g

/** Text that an author or a user wrote, such as a title or a name: only what reorders other text is shown as its code. */
export const withoutOverrides = (text: string): string => text.replace(REORDERING, (c) => `‹U+${hex(c, 4)}›`)

/** Like `visible`, but also shows spaces and tabs as symbols. */
export const visibleSpace = (text: string): string => visible(text).replaceAll(' ', '·').replaceAll('\t', '→   ')

/** Lines of an output, without the empty line after the last line break. */
export function linesOf(text: string): string[] {
  const lines = text.split('\n')
  if (lines.at(-1) === '') lines.pop()
  return lines
}

/** Maximum number of lines shown of the output in the playground, which follows the program. */
export const OUTPUT_LINES_MAX = 5_000

/** Shortens a text to `linesMax` lines of `LINE_CHARS_MAX` characters. `cut` is true if anything was left out. */
export function shortened(text: string, linesMax = LINES_MAX): { text: string; cut: boolean } {
  let cut = false
  const lines = linesOf(text)
  const shown = lines.slice(0, linesMax).map((line) => {
    if (line.length <= LINE_CHARS_MAX) return line
    cut = true
    return `${line.slice(0, LINE_CHARS_MAX)}…`
  })
  return { text: shown.join('\n'), cut: cut || lines.length > linesMax }
}
