// Drafts: the code in the editor, one per user, problem and language, kept in this browser at every change and, for users
// who are signed in, on the server (util/draft-sync.ts).
//
// No text is lost: one that another replaces (of another tab, another device or a visitor, or by a restored one) becomes a
// version of the draft. The person finds it in the history; one that they have not decided about is also offered above the
// editor.
import { serverNow } from './clock'
import { read, remove, write } from './storage'

export interface DraftOf {
  /** `undefined`: nobody is signed in. */
  user: string | undefined
  slug: string
  language: string
}

/** Key in the browser's storage, which other tabs see change. */
export const draftKey = ({ user, slug, language }: DraftOf): string => `cupel.draft/${user ?? ''}/${slug}/${language}`

const visitorOf = (of: DraftOf): DraftOf => ({ ...of, user: undefined })

export const draft = (of: DraftOf): string | null => read(draftKey(of)) ?? read(draftKey(visitorOf(of)))

/** Where a version comes from: another tab, another device, a visitor who then signed in, or the person replaced it. */
export type Origin = 'tab' | 'device' | 'visitor' | 'replaced'

export interface Version {
  text: string
  /** By the server's clock, in milliseconds. */
  at: number
  origin: Origin
  /** Whether the person is asked about it. */
  isOffered: boolean
}

/** Versions of one draft in this browser. The oldest go first; the server has a history of its own. */
export const VERSIONS_MAX = 10

export const versionsKey = (of: DraftOf): string => `${draftKey(of)}/versions`

const ORIGINS: readonly unknown[] = ['tab', 'device', 'visitor', 'replaced'] satisfies Origin[]

/** Newest first. What another program has written there is left out. */
export function versions(of: DraftOf): Version[] {
  const found = parsed(read(versionsKey(of)))
  const isVersion = (one: Partial<Version> | null): one is Version =>
    typeof one?.text === 'string' && typeof one.at === 'number' && typeof one.isOffered === 'boolean' && ORIGINS.includes(one.origin)
  return Array.isArray(found) ? found.filter(isVersion).slice(0, VERSIONS_MAX) : []
}

function parsed(text: string | null): unknown {
  try {
    return JSON.parse(text ?? 'null')
  } catch {
    return null
  }
}

/** Whether it was stored. A version with an equal text is replaced; older ones make room. */
export function keepVersion(of: DraftOf, text: string, origin: Origin, isOffered: boolean, at = serverNow()): boolean {
  const others = versions(of).filter((one) => one.text !== text)
  for (let room = VERSIONS_MAX - 1; room >= 0; room -= 1) {
    const kept: Version[] = [{ text, at: at > 0 ? at : serverNow(), origin, isOffered }, ...others.slice(0, room)]
    if (write(versionsKey(of), JSON.stringify(kept))) return true
    room = Math.min(room, others.length)
  }
  return false
}

/** The person has decided about every version: none is offered any more, all stay in the history. */
export function settle(of: DraftOf): void {
  const found = versions(of)
  if (found.some((one) => one.isOffered)) write(versionsKey(of), JSON.stringify(found.map((one) => ({ ...one, isOffered: false }))))
}

export function forgetVersion(of: DraftOf, text: string): void {
  const rest = versions(of).filter((one) => one.text !== text)
  if (rest.length === 0) remove(versionsKey(of))
  else write(versionsKey(of), JSON.stringify(rest))
}

/** What this browser knows of the draft on the server. */
export interface SyncState {
  /** The revision that the text here is based on; `undefined`: none. */
  revision: number | undefined
  /** When the text here was changed, by the server's clock, in milliseconds. */
  at: number
  /** Whether the server has the text. */
  isSaved: boolean
  /** Whether the text replaces the one that the server has, which must stay in the server's history. */
  begins: boolean
}

const syncKey = (of: DraftOf): string => `${draftKey(of)}/sync`

/** A draft of an earlier version of the site counts as changed long ago. */
export function syncState(of: DraftOf): SyncState {
  const { revision, at, isSaved, begins } = (parsed(read(syncKey(of))) ?? {}) as Partial<SyncState>
  return {
    revision: typeof revision === 'number' ? revision : undefined,
    at: typeof at === 'number' ? at : 0,
    isSaved: typeof isSaved === 'boolean' ? isSaved : read(draftKey(of)) === null,
    begins: begins === true,
  }
}

export const keepSyncState = (of: DraftOf, state: SyncState): boolean => write(syncKey(of), JSON.stringify(state))

export interface Kept {
  /** Whether the text was stored. */
  isKept: boolean
  /** Whether another tab had written there, so that its text became a version. */
  isOtherKept: boolean
}

/**
 * Stores a text of the editor; the starting code is not a draft. `known`: what this tab has last read or written there. If
 * something else is there, another tab has written it, and it becomes a version. `isReplaced`: the text is no edit of the one
 * before.
 */
export function changeDraft(of: DraftOf, text: string, start: string, known: string | null, isReplaced = false): Kept {
  const stored = read(draftKey(of))
  const isOther = stored !== null && stored !== known && stored !== text && stored !== start
  if (isOther && !keepVersion(of, stored, 'tab', true)) return { isKept: false, isOtherKept: false }
  const state = syncState(of)
  if (text === start) {
    remove(draftKey(of))
    if (of.user !== undefined) remove(draftKey(visitorOf(of)))
  } else if (!write(draftKey(of), text)) {
    return { isKept: false, isOtherKept: isOther }
  }
  keepSyncState(of, { ...state, at: serverNow(), isSaved: false, begins: state.begins || isReplaced || isOther })
  return { isKept: true, isOtherKept: isOther }
}

/** Puts a text into a draft from outside its editor; what was there becomes a version. Whether both were stored. */
export function keepDraft(of: DraftOf, text: string, start: string): boolean {
  const present = draft(of)
  if (present !== null && present !== text && present !== start && !keepVersion(of, present, 'replaced', false)) return false
  return changeDraft(of, text, start, read(draftKey(of)), true).isKept
}

/**
 * What a visitor has written is theirs after they sign in. If they have a draft already, the newer text is in the editor,
 * and the other one is offered.
 */
export function claim(of: DraftOf, start: string): void {
  if (of.user === undefined) return
  const visitor = visitorOf(of)
  const theirs = read(draftKey(visitor))
  if (theirs === null) return
  const own = read(draftKey(of))
  const [at, ownState] = [syncState(visitor).at, syncState(of)]
  const isNewer = own === null || own === start || at > ownState.at
  const other = isNewer ? own : theirs
  if (other !== null && other !== start && own !== theirs) {
    if (!keepVersion(of, other, isNewer ? 'replaced' : 'visitor', true, isNewer ? ownState.at : at)) return
  }
  if (isNewer && own !== theirs) {
    if (!write(draftKey(of), theirs)) return
    keepSyncState(of, { ...ownState, at, isSaved: false, begins: true })
  }
  remove(draftKey(visitor))
  remove(syncKey(visitor))
}

const languageKey = (slug: string): string => `cupel.language-of/${slug}`

/** The language last used for this problem or, before that, for any. */
export const lastLanguage = (slug: string): string | null => read(languageKey(slug)) ?? read(languageKey(''))

export function keepLanguage(slug: string, language: string): void {
  write(languageKey(slug), language)
  write(languageKey(''), language)
}

const beforeKey = (of: DraftOf): string => `${draftKey(of)}/before`
const handedKey = (of: DraftOf): string => `${draftKey(of)}/handed`

/**
 * Puts a text into a draft from another page. What a person wrote there is kept, until they say that they do not need it;
 * a text that was handed over and not changed is not their work. Returns whether all of it was stored.
 */
export function handOver(of: DraftOf, text: string, start: string): boolean {
  const current = draft(of)
  const isOwn = current !== null && current !== text && current !== start && current !== read(handedKey(of))
  if (isOwn) {
    const earlier = read(beforeKey(of))
    if (earlier !== null && earlier !== current && !keepVersion(of, earlier, 'replaced', false)) return false
    if (!write(beforeKey(of), current)) return false
  }
  return changeDraft(of, text, start, read(draftKey(of)), true).isKept && write(handedKey(of), text)
}

/** What was in the draft before a text was handed over. */
export const draftBefore = (of: DraftOf): string | null => read(beforeKey(of))

export const forgetBefore = (of: DraftOf): void => remove(beforeKey(of))
