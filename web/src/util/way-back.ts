// Where a person goes after signing in: to the page from which they came.
import { defaultParseSearch } from '@tanstack/react-router'

/** `then` is a path of this site, possibly with a search (`ownPath` has checked it). */
export function wayBack(then: string | undefined): { to: string; search: Record<string, unknown> } {
  const [, to, search] = /^([^?#]*)(\?[^#]*)?/.exec(then ?? '/problems') ?? []
  return { to: to ?? '/problems', search: defaultParseSearch(search ?? '') }
}
