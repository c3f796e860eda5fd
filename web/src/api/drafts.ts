// The drafts of the user on the server.
import { queryOptions } from '@tanstack/react-query'
import type { DraftServer } from '../util/draft-sync'
import type { DraftOf } from '../util/drafts'
import { PLAY_SLUG } from '../util/play'
import { api, CallError, dataOf, pageUser } from './client'

const of = ({ slug, language }: DraftOf) => ({ path: { language_id: language }, query: slug === PLAY_SLUG ? {} : { problem: slug } })

const revisionsOf = async (draft: DraftOf) => (await dataOf(api.GET('/api/v1/drafts/{language_id}/revisions', { params: of(draft) }))).revisions

/** Newest first. */
export const revisionsQuery = (draft: DraftOf) => queryOptions({ queryKey: ['revisions', draft], queryFn: () => revisionsOf(draft), staleTime: 0 })

export const revisionQuery = (draft: DraftOf, revision: number) =>
  queryOptions({
    queryKey: ['revision', draft, revision],
    queryFn: async () => {
      const { path, query } = of(draft)
      return (await dataOf(api.GET('/api/v1/drafts/{language_id}/revisions/{revision}', { params: { path: { ...path, revision }, query } }))).text
    },
  })

/** The draft belongs to the user whom the page has now. */
export const draftServer = (draft: DraftOf, owner = pageUser()): DraftServer => ({
  newest: async () => (await revisionsOf(draft))[0]?.revision,
  read: async () => {
    try {
      const { revision, text, saved_at } = await dataOf(api.GET('/api/v1/drafts/{language_id}', { params: of(draft) }))
      return { revision, text, savedAt: Date.parse(saved_at) }
    } catch (error) {
      if (error instanceof CallError && error.status === 404) return undefined
      throw error
    }
  },
  save: async (text, based, begins, isLeaving) => {
    // An editor that is removed because the user has changed saves its text. It must not become the draft of the new user.
    if (pageUser() !== owner) throw new CallError(401, 'unauthorized', '', '', undefined)
    const header = based === undefined ? { 'If-None-Match': '*' } : { 'If-Match': `"${based}"` }
    const params = { ...of(draft), header }
    const saved = await dataOf(api.PUT('/api/v1/drafts/{language_id}', { params, body: { text, begins_revision: begins }, keepalive: isLeaving }))
    return saved.revision
  },
})
