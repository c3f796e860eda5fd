import { QueryClient } from '@tanstack/react-query'
import { expect, test, vi } from 'vitest'

const asked: string[] = []
vi.stubGlobal('document', { baseURI: 'http://cupel.example/judge/problems' })
vi.stubGlobal('fetch', async (to: string | Request) => {
  asked.push(typeof to === 'string' ? to : to.url)
  return Response.json({})
})

const { firstRequests, sendAhead } = await import('./ahead')
const { languagesQuery, problemQuery, problemsQuery, sessionQuery, sharedQuery } = await import('./queries')
const { contestQuery } = await import('./contest')

/** The requests of a page with this path: first the requests that were sent ahead, then the requests of its queries. */
async function requestsOf(path: string, read: (queries: QueryClient) => Promise<unknown>[]): Promise<string[]> {
  asked.length = 0
  sendAhead(firstRequests(path, '', 'en'))
  await Promise.all(read(new QueryClient()))
  return asked.map((url) => url.replace('http://cupel.example/judge/api/v1/', ''))
}

test('the queries of a page take the answers to the requests that were sent ahead', async () => {
  expect(await requestsOf('problems', (queries) => [queries.fetchQuery(sessionQuery), queries.fetchQuery(problemsQuery({}))])).toEqual(['session', 'problems?limit=50'])
  expect(await requestsOf('problems/two-sum', (queries) => [queries.fetchQuery(sessionQuery), queries.fetchQuery(languagesQuery), queries.fetchQuery(problemQuery('two-sum', 'en'))])).toEqual([
    'session',
    'languages',
    'problems/two-sum?lang=en&html=true',
  ])
  expect(await requestsOf('playground', (queries) => [queries.fetchQuery(sessionQuery), queries.fetchQuery(languagesQuery)])).toEqual(['session', 'languages'])
  expect(await requestsOf('p/Xy_1', (queries) => [queries.fetchQuery(sessionQuery), queries.fetchQuery(languagesQuery), queries.fetchQuery(sharedQuery('Xy_1'))])).toEqual(['session', 'languages', 'snippets/Xy_1'])
  expect(await requestsOf('contests/spring', (queries) => [queries.fetchQuery(sessionQuery), queries.fetchQuery(contestQuery('spring'))])).toEqual(['session', 'contests/spring?html=true'])
  expect(await requestsOf('account', (queries) => [queries.fetchQuery(sessionQuery)])).toEqual(['session'])
})

test('an answer that was sent ahead is taken once', async () => {
  const session = (queries: QueryClient) => [queries.fetchQuery({ ...sessionQuery, staleTime: 0 })]
  expect(await requestsOf('account', (queries) => session(queries))).toEqual(['session'])
  await Promise.all(session(new QueryClient()))
  expect(asked).toHaveLength(2)
})
