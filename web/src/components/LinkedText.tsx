// A text of an organizer: line breaks are kept, and web addresses are links. Nothing in it is HTML.
import { partsOf } from '../util/links'
import { visible } from '../util/visible'

export function LinkedText({ text }: { text: string }) {
  return (
    <span className="whitespace-pre-wrap">
      {partsOf(visible(text)).map(({ text, href }, at) =>
        href === undefined ? (
          text
        ) : (
          <a key={at} href={href} target="_blank" rel="noopener noreferrer nofollow" className="text-accent-text underline break-all">
            {text}
          </a>
        ),
      )}
    </span>
  )
}
