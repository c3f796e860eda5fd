// The HTML of a frame that shows a shared program.

const ESCAPES: Record<string, string> = { '&': '&amp;', '"': '&quot;', '<': '&lt;', '>': '&gt;' }
const escaped = (text: string): string => text.replace(/[&"<>]/g, (mark) => ESCAPES[mark] ?? mark)

/** `link`: the link to the shared program. The frame has no app bar (`?embed=1`). */
export function frameOf(link: string, title: string): string {
  const address = new URL(link)
  address.searchParams.set('embed', '1')
  return `<iframe src="${escaped(address.href)}" title="${escaped(title)}" width="100%" height="480" loading="lazy" allow="clipboard-write"></iframe>`
}
