// Leads from a page after the last one of a list to the last one. The URL may be an old one, or the only entry of the last page has left the
// list.
import { useEffect } from 'react'

interface Found {
  data: { pagination: { page?: number | null; limit: number; total?: number | null } } | undefined
  isPlaceholderData: boolean
}

/** `go`: shows a page in place of this one. Returns whether the data are those of a page after the last one, which has no entry. */
export function useLastPage({ data, isPlaceholderData }: Found, go: (page: number) => void): boolean {
  const { page, limit, total } = data?.pagination ?? { limit: 1 }
  const last = Math.max(1, Math.ceil((total ?? 0) / limit))
  const isAfter = (page ?? 1) > last
  useEffect(() => {
    if (isAfter && !isPlaceholderData) go(last)
  }, [isAfter, isPlaceholderData, last])
  return isAfter
}
