// The page to which the user returns after signing in.
import { defaultParseSearch } from '@tanstack/react-router'

/** `then` is a path of this site, possibly with a query string (checked by `ownPath`). */
export function wayBack(then: string | undefined): { to: string; search: Record<string, unknown> } {
  const [, to, search] = /^([^?#]*)(\?[^#]*)?/.exec(then ?? '/problems') ?? []
  return { to: to ?? '/problems', search: defaultParseSearch(search ?? '') }
}
