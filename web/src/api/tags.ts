// The tags of the problems, with the number of problems per tag.
import { queryOptions } from '@tanstack/react-query'
import { api, dataOf } from './client'

export interface TagCount {
  tag: string
  problems: number
}

/** Problems per page, and the number of pages in which a visitor's tags are counted. */
const PAGE_SIZE = 100
const PAGES_MAX = 5

const byName = (a: TagCount, b: TagCount) => a.tag.localeCompare(b.tag)

/**
 * For a signed-in user, the server counts the tags of all public problems. For a visitor, this page counts them in the
 * first pages of the list.
 */
export const tagsQuery = (isSignedIn: boolean) =>
  queryOptions({
    queryKey: ['tags', isSignedIn],
    queryFn: async (): Promise<TagCount[]> => {
      if (isSignedIn) return [...(await dataOf(api.GET('/api/v1/users/me/activity'))).tags].sort(byName)
      const counts = new Map<string, number>()
      for (let page = 1; page <= PAGES_MAX; page += 1) {
        const { problems, pagination } = await dataOf(api.GET('/api/v1/problems', { params: { query: { limit: PAGE_SIZE, page } } }))
        for (const tag of problems.flatMap((problem) => problem.tags)) counts.set(tag, (counts.get(tag) ?? 0) + 1)
        if (page * PAGE_SIZE >= pagination.total) break
      }
      return [...counts].map(([tag, problems]) => ({ tag, problems })).sort(byName)
    },
    staleTime: 5 * 60_000,
  })
