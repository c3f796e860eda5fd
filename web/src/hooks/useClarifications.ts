// Questions and announcements of a contest, which every page of the contest follows.
//
// The server sends them in pages, newest first. Readers load older pages on request. An organizer's page loads all of them
// by itself, because an old question may still wait for an answer.
import { useInfiniteQuery } from '@tanstack/react-query'
import { useEffect, useMemo, useRef } from 'react'
import type { Schema } from '../api/client'
import { clarificationsQuery } from '../api/contests'
import { isWaiting, merged, newsPoll, newSince, unread, type Entry } from '../util/news'
import { useRead } from './useRead'

export interface Questions {
  /** `undefined`: not loaded yet. */
  entries: Entry[] | undefined
  error: Error | null
  retry: () => void
  /** Whether the server has older entries that may still be loaded. */
  hasMore: boolean
  loadMore: () => void
  /** Keys of the entries that were read. */
  read: ReadonlySet<string>
  markRead: (entries: readonly Entry[]) => void
  /** Unread entries; for an organizer, questions without an answer. */
  news: number
}

/** `isOpen`: whether the page shows the entries. */
export function useClarifications(contest: Schema['ContestView'], user: string | undefined, isOpen = false): Questions {
  const { slug, may_change: isOrganizer } = contest
  const found = useInfiniteQuery({
    ...clarificationsQuery(slug),
    refetchInterval: ({ state: { data } }) => newsPoll(contest, data?.pages.flatMap((page) => page.clarifications) ?? [], isOpen),
  })
  const [read, markRead] = useRead(user, slug)
  const { data, hasNextPage, isFetching, isError, fetchNextPage } = found
  useEffect(() => {
    if (isOrganizer && hasNextPage && !isFetching && !isError) void fetchNextPage()
  }, [isOrganizer, hasNextPage, isFetching, isError, fetchNextPage])
  const before = useRef<Entry[]>([])
  const entries = useMemo(() => {
    if (data === undefined) return undefined
    before.current = merged(data.pages.flatMap((page) => page.clarifications), isOrganizer ? before.current : [])
    return before.current
  }, [data, isOrganizer])
  const news = entries === undefined ? 0 : isOrganizer ? entries.filter(isWaiting).length : unread(entries, read, newSince(contest.participation)).length
  return {
    entries,
    error: found.error,
    retry: () => void found.refetch(),
    hasMore: hasNextPage,
    loadMore: () => void fetchNextPage(),
    read,
    markRead,
    news,
  }
}
