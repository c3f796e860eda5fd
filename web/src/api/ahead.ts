// Requests that the entry point sends before the scripts of the page are evaluated. The client of the API takes their answers instead of
// asking again.

/** The site's root URL, with a slash at the end. The site may be below a path prefix. */
export const ROOT = new URL('.', document.baseURI)

/** Proves to the server that this site sent a request (see crates/cupel-http/src/auth/cookie.rs). */
export const SITE_HEADER = { 'x-cupel-site': '1' }

/** An answer that was not taken within this time is outdated. */
const FRESH_MS = 10_000

const sent = new Map<string, { answer: Promise<Response>; at: number }>()

/** Requests paths below the root. */
export function sendAhead(paths: readonly string[]): void {
  for (const path of paths) {
    const url = new URL(path, ROOT).href
    const answer = fetch(url, { headers: SITE_HEADER })
    // The client reports the failure if it takes the answer.
    answer.catch(() => undefined)
    sent.set(url, { answer, at: performance.now() })
  }
}

/** Sends a request of the client, unless its answer is here or on its way. */
export function send(request: Request): Promise<Response> {
  const ahead = request.method === 'GET' ? sent.get(request.url) : undefined
  sent.delete(request.url)
  return ahead !== undefined && performance.now() - ahead.at < FRESH_MS ? ahead.answer : fetch(request)
}

/**
 * What a page asks for first: paths of the API below the root, exactly as the queries of `queries.ts` and `contests.ts` make them. `path`
 * is the page's path below the root.
 */
export function firstRequests(path: string, search: string, language: string): string[] {
  const [, kind, slug] = /^(problems|contests|playground|p)(?:\/([\w-]+))?$/.exec(path) ?? []
  const session = 'api/v1/session'
  const languages = 'api/v1/languages'
  if (kind === 'problems' && slug !== undefined) return [session, languages, `api/v1/problems/${slug}?lang=${language}&html=true`]
  if (kind === 'problems' && search === '') return [session, 'api/v1/problems?limit=50']
  if (kind === 'contests' && slug !== undefined) return [session, `api/v1/contests/${slug}?html=true`]
  if (kind === 'playground') return [session, languages]
  if (kind === 'p' && slug !== undefined) return [session, languages, `api/v1/snippets/${slug}`]
  return [session]
}
