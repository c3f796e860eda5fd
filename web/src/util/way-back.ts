// The page to which the user returns after signing in.
import { defaultParseSearch } from '@tanstack/react-router'
import { ownPath } from './search'

/**
 * `then` is a path of this site, possibly with a query string. Any other value leads to the problems. It is checked here, because the router
 * keeps values that a route's validation of the search parameters refuses.
 */
export function wayBack(then: string | undefined): { to: string; search: Record<string, unknown> } {
  const [, to, search] = /^([^?#]*)(\?[^#]*)?/.exec(ownPath(then) ?? '/problems') ?? []
  return { to: to ?? '/problems', search: defaultParseSearch(search ?? '') }
}
