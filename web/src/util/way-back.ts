// The page to which the user returns after signing in.
import { defaultParseSearch } from '@tanstack/react-router'
import { ownPath } from './search'

/**
 * `then` is a path of this site, possibly with a query string. Anything else leads to the problems: the router keeps what a route's check
 * of the address refuses.
 */
export function wayBack(then: string | undefined): { to: string; search: Record<string, unknown> } {
  const [, to, search] = /^([^?#]*)(\?[^#]*)?/.exec(ownPath(then) ?? '/problems') ?? []
  return { to: to ?? '/problems', search: defaultParseSearch(search ?? '') }
}
