// Time and memory of the accepted solutions to a problem.
import { queryOptions } from '@tanstack/react-query'
import { api, dataOf } from './client'

/** `submission` is the user's solution that is compared. Another solution is another query. */
export const distributionQuery = (slug: string, language: string, submission: string) =>
  queryOptions({
    queryKey: ['distribution', slug, language, submission],
    queryFn: () => dataOf(api.GET('/api/v1/problems/{slug}/distribution', { params: { path: { slug }, query: { language } } })),
  })
