// Loads files of the site before the browser imports them as scripts.
//
// Chromium keeps the failure of an import until the page is loaded again: a second attempt fails without a request. It keeps no failure of
// `fetch`, and an import whose files are in the browser's cache succeeds. Source: whatwg/html, issue 6768. The import helper of the
// build calls this (`fetchedFirst` in `vite.config.ts`).

const files = new Map<string, Promise<void>>()

/** The head of the page lists the scripts that the browser loads by itself. */
const isListed = (url: string): boolean => [...document.querySelectorAll<HTMLLinkElement | HTMLScriptElement>('link, script')].some((one) => ('href' in one ? one.href : one.src) === url)

async function load(url: string): Promise<void> {
  const answer = await fetch(url)
  if (!answer.ok) throw new Error(`${answer.status} for ${url}`)
  // A file is in the cache as soon as it is read to its end.
  await answer.arrayBuffer()
}

/** Rejects if one of the files cannot be loaded. The next call tries again. */
export async function fetched(urls: readonly string[]): Promise<void> {
  await Promise.all(
    urls.map((url) => {
      const known = files.get(url)
      if (known !== undefined) return known
      const file = isListed(url) ? Promise.resolve() : load(url)
      files.set(url, file)
      return file.catch((error: unknown) => {
        files.delete(url)
        throw error
      })
    }),
  )
}
