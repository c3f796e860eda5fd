// What is new in a contest's list of questions: for a reader, the announcements and answers that this browser has not
// shown yet; for an organizer, the questions without an answer.
import type { Schema } from '../api/client'

export type Entry = Schema['ClarificationView']

/** Read entries that a browser remembers per contest; as many as the list shows. */
export const READ_MAX = 1_000

/** An entry in its present form: a changed answer is news again. */
export function newsKey({ clarification_id: id, answered_at: at }: Entry): string {
  // The end of an id is random, so that it differs between the entries of a contest.
  return `${id.slice(-12)}.${at == null ? '' : Date.parse(at).toString(36)}`
}

/** Questions have no news for their readers until they are answered, and people know what they have announced. */
export const isNews = ({ kind, answer, own }: Entry): boolean => answer != null && !(kind === 'announcement' && own)

export const unread = (entries: readonly Entry[], read: ReadonlySet<string>): Entry[] => entries.filter((entry) => isNews(entry) && !read.has(newsKey(entry)))

export const isWaiting = ({ kind, answer }: Entry): boolean => kind === 'question' && answer == null

/** Questions that wait, the longest first; then everything else in its order. */
export const waitingFirst = (entries: readonly Entry[]): Entry[] => [...entries.filter(isWaiting).reverse(), ...entries.filter((entry) => !isWaiting(entry))]

/**
 * Entries as the server sent them, newest first, each once: between two requests a new entry may have moved another one to the
 * next page. Those of an organizer stay: the server never removes one, but leaves out most of them, and the names of the
 * askers, once the session has ended. The organizer may be answering one.
 */
export function merged(sent: readonly Entry[], before: readonly Entry[]): Entry[] {
  const byId = new Map(before.map((entry) => [entry.clarification_id, entry]))
  for (const entry of sent) {
    const old = byId.get(entry.clarification_id)
    byId.set(entry.clarification_id, old?.asked_by != null && entry.asked_by == null ? old : entry)
  }
  // Ids begin with the time.
  return [...byId.values()].sort((a, b) => (a.clarification_id < b.clarification_id ? 1 : -1))
}

/** What to remember: the entries that were just read, and before them as many others as fit. */
export function remembered(entries: readonly Entry[], before: string): string {
  const keys = new Set([...entries.filter(isNews).map(newsKey), ...keysOf(before)])
  return [...keys].slice(0, READ_MAX).join(' ')
}

/** The keys in a text that `remembered` made. */
export const keysOf = (text: string): Set<string> => new Set(text.split(' ').filter((key) => key !== ''))
