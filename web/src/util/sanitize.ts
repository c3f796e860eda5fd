// Converts the HTML of a statement to elements. Only known elements and attributes are copied, so that an author's HTML
// is never parsed into the page itself. `DOMParser` creates a document that neither runs scripts nor loads images.
//
// The content security policy is a second protection: it allows no inline scripts and no images of other sites.
import { withoutOverrides } from './visible'

const ELEMENTS = new Set([
  'p', 'br', 'hr', 'h1', 'h2', 'h3', 'h4', 'h5', 'h6', 'ul', 'ol', 'li', 'dl', 'dt', 'dd', 'pre', 'code', 'kbd', 'samp', 'var',
  'em', 'strong', 'b', 'i', 'u', 's', 'del', 'sub', 'sup', 'small', 'blockquote', 'table', 'thead', 'tbody', 'tr', 'td', 'th',
  'caption', 'span', 'div', 'figure', 'figcaption', 'a', 'img', 'center', 'tt',
])

/** Elements whose content is not readable text. */
const DROPPED = new Set(['script', 'style', 'template', 'iframe', 'object', 'noscript', 'svg', 'math', 'head', 'title'])

/** Maximum depth and maximum number of elements. Further elements are dropped. */
const DEPTH_MAX = 60
const NODES_MAX = 50_000

/** Converts the HTML. `files` maps the image names in the text to URLs. */
export function sanitized(html: string, files: ReadonlyMap<string, string>): DocumentFragment {
  // The server aligns the columns of tables by style attributes, about which the browser would complain: the policy forbids them.
  const from = new DOMParser().parseFromString(html.replace(/(<t[dh]) style="text-align: /g, '$1 align="'), 'text/html')
  const to = document.createDocumentFragment()
  let left = NODES_MAX
  const copy = (source: Node, target: Node, depth: number): void => {
    for (const child of source.childNodes) {
      if (left-- <= 0) return
      if (child instanceof Text) target.appendChild(document.createTextNode(withoutOverrides(child.data)))
      if (!(child instanceof Element)) continue
      const name = child.localName
      if (DROPPED.has(name)) continue
      const made = ELEMENTS.has(name) && depth < DEPTH_MAX ? elementOf(child, name, files) : target
      if (made !== target) target.appendChild(made)
      copy(child, made, depth + 1)
    }
  }
  copy(from.body, to, 0)
  return to
}

function elementOf(source: Element, name: string, files: ReadonlyMap<string, string>): HTMLElement {
  const made = document.createElement(name)
  for (const span of ['colspan', 'rowspan', 'start']) {
    // A list may begin with 0.
    const value = parseInt(source.getAttribute(span) ?? '', 10)
    if (value >= 0 && value < 1000) made.setAttribute(span, String(value))
  }
  const align = source.getAttribute('align')
  if (align && /^t[dh]$/.test(name)) (made as HTMLTableCellElement).align = align
  if (name === 'a') {
    const href = source.getAttribute('href') ?? ''
    if (/^(https?:|mailto:)/i.test(href)) {
      made.setAttribute('href', href)
      made.setAttribute('rel', 'noopener noreferrer')
      made.setAttribute('target', '_blank')
    }
  }
  if (name === 'img') {
    const file = files.get(source.getAttribute('src') ?? '')
    if (file !== undefined) made.setAttribute('src', file)
    made.setAttribute('alt', withoutOverrides(source.getAttribute('alt') ?? ''))
  }
  if (source.classList.contains('math-inline')) made.dataset['mathStyle'] = 'inline'
  if (source.classList.contains('math-display')) made.dataset['mathStyle'] = 'display'
  return made
}
