// Texts of organizers: line breaks are kept, and web addresses are links. Raw HTML in them is text.
import type { Schema } from '../api/client'
import { partsOf } from '../util/links'
import { visible } from '../util/visible'
import { Html } from './Statement'

const LINK = 'text-accent-text underline break-all'

export function LinkedText({ text }: { text: string }) {
  return (
    <span className="whitespace-pre-wrap">
      {partsOf(visible(text)).map(({ text, href }, at) =>
        href === undefined ? (
          text
        ) : (
          <a key={at} href={href} target="_blank" rel="noopener noreferrer nofollow" className={LINK}>
            {text}
          </a>
        ),
      )}
    </span>
  )
}

/** A contest has no files. */
const NO_FILES: Schema['FileView'][] = []

/** Markdown that the server has converted to HTML. */
export function LinkedHtml({ html }: { html: string }) {
  return (
    <div className="[&_.statement]:text-base [&_.statement]:leading-normal [&_p]:whitespace-pre-line">
      <Html html={html} files={NO_FILES} onContent={link} />
    </div>
  )
}

/** Makes links of web addresses that Markdown leaves as text, and shows hidden characters. */
function link(content: DocumentFragment): void {
  const texts: Text[] = []
  const walker = document.createTreeWalker(content, NodeFilter.SHOW_TEXT)
  while (walker.nextNode() !== null) texts.push(walker.currentNode as Text)
  for (const text of texts) {
    if (text.parentElement?.closest('a, code, pre, [data-math-style]') != null) continue
    text.replaceWith(
      ...partsOf(visible(text.data)).map(({ text, href }) => {
        if (href === undefined) return text
        const made = document.createElement('a')
        Object.assign(made, { href, target: '_blank', rel: 'noopener noreferrer nofollow', className: LINK, textContent: text })
        return made
      }),
    )
  }
}
