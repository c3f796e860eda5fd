// The tags of the problems, with the number of problems per tag.
import { queryOptions } from '@tanstack/react-query'
import type { ListSearch } from '../util/search'
import { api, dataOf } from './client'

/** The tags of the problems that match the other filters and have the chosen tags. */
export const tagsQuery = ({ q, difficulty, tag, state }: ListSearch) => {
  const query = { limit: 1, tag_counts: true, ...(q && { q }), ...(difficulty && { difficulty }), ...(tag && { tag }), ...(state && { state }) }
  return queryOptions({
    // The list of problems is read again after a submission, and so are the numbers of the problems with a state.
    queryKey: ['problems', 'tags', query],
    queryFn: async () => (await dataOf(api.GET('/api/v1/problems', { params: { query } }))).tags ?? [],
    placeholderData: (before) => before,
  })
}
