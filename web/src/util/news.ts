// New entries in a contest's list of questions. For a reader, these are the announcements and answers that this browser
// has not shown yet. For an organizer, these are the unanswered questions.
import type { Schema } from '../api/client'
import { serverNow } from './clock'
import { isRunning } from './standings'

export type Entry = Schema['ClarificationView']

/** Maximum number of read entries that a browser stores per contest. The list shows the same number. */
export const READ_MAX = 1_000

/** Key of an entry in its present form. A changed answer has a new key, so it counts as new again. */
export function newsKey({ clarification_id: id, answered_at: at }: Entry): string {
  // The end of an id is random, so it differs between the entries of a contest.
  return `${id.slice(-12)}.${at == null ? '' : Date.parse(at).toString(36)}`
}

/**
 * Whether an entry can be new for a reader. An unanswered question is not new, and neither is the reader's own
 * announcement.
 */
export const isNews = ({ kind, answer, own, answered_at: at }: Entry, since = 0): boolean =>
  answer != null && !(kind === 'announcement' && own) && (at == null || Date.parse(at) >= since)

/** The start of a virtual participation. Entries from before, such as those of the contest itself, are not new to it. */
export const newSince = (participation: Schema['ContestView']['participation']): number =>
  participation?.kind === 'virtual' ? Date.parse(participation.starts_at) : 0

export const unread = (entries: readonly Entry[], read: ReadonlySet<string>, since = 0): Entry[] =>
  entries.filter((entry) => isNews(entry, since) && !read.has(newsKey(entry)))

export const isWaiting = ({ kind, answer }: Entry): boolean => kind === 'question' && answer == null

/** Intervals at which a visible page reads the entries again: while it shows them, while it only shows their number, and after the end. */
const OPEN_POLL_MS = 3_000
const POLL_MS = 10_000
const OVER_POLL_MS = 30_000

/** Time after the end during which the last questions are answered, and announcements are made. */
const AFTERWARDS_MS = 60 * 60_000

/**
 * Interval at which a page reads the entries again; `false`: never. `isOpen`: whether the page shows them. After the end, a page of a reader
 * waits for the last answers and announcements, and for the answers to the reader's own questions. Somebody may take part virtually at any
 * time, so the page of an organizer always waits for questions.
 */
export function newsPoll(contest: Pick<Schema['ContestView'], 'phase' | 'participation' | 'may_change' | 'ends_at'>, entries: readonly Entry[], isOpen: boolean): number | false {
  if (contest.phase !== 'over' || isRunning(contest)) return isOpen ? OPEN_POLL_MS : POLL_MS
  const isRecent = serverNow() < Date.parse(contest.participation?.ends_at ?? contest.ends_at) + AFTERWARDS_MS
  const waits = contest.may_change || isRecent || entries.some((entry) => entry.own && isWaiting(entry))
  return waits && OVER_POLL_MS
}

/** Unanswered questions, oldest first, and then all other entries in their order. */
export const waitingFirst = (entries: readonly Entry[]): Entry[] => [...entries.filter(isWaiting).reverse(), ...entries.filter((entry) => !isWaiting(entry))]

/**
 * The entries of all pages, newest first, without duplicates: between two requests, a new entry may have moved another
 * entry to the next page. Entries that an organizer has loaded are kept. The server never removes an entry, but once
 * the session has ended, it sends only a part of the entries and omits the askers' names. The organizer may be writing
 * an answer at that moment.
 */
export function merged(sent: readonly Entry[], before: readonly Entry[]): Entry[] {
  const byId = new Map(before.map((entry) => [entry.clarification_id, entry]))
  for (const entry of sent) {
    const old = byId.get(entry.clarification_id)
    byId.set(entry.clarification_id, old?.asked_by != null && entry.asked_by == null ? old : entry)
  }
  // Ids start with the time, so this sorts by time.
  return [...byId.values()].sort((a, b) => (a.clarification_id < b.clarification_id ? 1 : -1))
}

/** The text to store: the entries that were just read, after as many older keys as fit. */
export function remembered(entries: readonly Entry[], before: string): string {
  const keys = new Set([...entries.filter(isNews).map(newsKey), ...keysOf(before)])
  return [...keys].slice(0, READ_MAX).join(' ')
}

/** The keys in a text that `remembered` returned. */
export const keysOf = (text: string): Set<string> => new Set(text.split(' ').filter((key) => key !== ''))
