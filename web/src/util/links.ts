// Web addresses in texts of organizers. The text stays text: each part is either plain or the target of a link that shows it.

export interface Part {
  text: string
  /** Address of a link; always `http:` or `https:`. */
  href?: string
}

/** An address ends before white space, quotation marks, angle brackets, and the marks of hidden characters (`visible`). */
const ADDRESS = /\bhttps?:\/\/[^\s<>"'`‹›«»“”‘’「」『』《》，。；！？、]+/gi

/** Punctuation at the end belongs to the sentence. */
const END = /[.,;:!?…*_~]+$/

const BRACKETS = [
  ['(', ')'],
  ['[', ']'],
  ['{', '}'],
  ['（', '）'],
] as const

/** The address without what belongs to the sentence around it: punctuation, and a closing bracket that the address does not open. */
function trimmed(address: string): string {
  const shorter = address.replace(END, '')
  const close = BRACKETS.find(([, close]) => shorter.endsWith(close))
  const count = (mark: string) => shorter.split(mark).length
  if (close !== undefined && count(close[1]) > count(close[0])) return trimmed(shorter.slice(0, -1))
  return shorter
}

/** `undefined` if the text is no address, or if a name before the host could be taken for the host. */
function addressOf(text: string): string | undefined {
  if (!URL.canParse(text)) return undefined
  const { protocol, username, password, href } = new URL(text)
  return (protocol === 'http:' || protocol === 'https:') && username === '' && password === '' ? href : undefined
}

/** The parts of a text, in order. Their texts together are the text. */
export function partsOf(text: string): Part[] {
  const parts: Part[] = []
  let from = 0
  for (const match of text.matchAll(ADDRESS)) {
    const shown = trimmed(match[0])
    const href = addressOf(shown)
    if (href === undefined) continue
    if (match.index > from) parts.push({ text: text.slice(from, match.index) })
    parts.push({ text: shown, href })
    from = match.index + shown.length
  }
  if (from < text.length) parts.push({ text: text.slice(from) })
  return parts
}
