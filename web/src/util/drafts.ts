// Drafts: the code in the editor, one per user, problem and language. Every change is stored in this browser and, for
// signed-in users, on the server (util/draft-sync.ts).
//
// No text is lost. A text that is replaced (by another tab, another device, the draft of a visitor who signs in, or a
// restored version) becomes a version of the draft. The history lists all versions. A version that the user has neither
// accepted nor rejected is also offered above the editor.
import { serverNow } from './clock'
import { read, readOfTab, remove, removeOfTab, write, writeOfTab } from './storage'

export interface DraftOf {
  /** `undefined` for a visitor who is not signed in. */
  user: string | undefined
  slug: string
  language: string
}

/** Key in the browser's storage. Other tabs are notified of its changes. */
export const draftKey = ({ user, slug, language }: DraftOf): string => `cupel.draft/${user ?? ''}/${slug}/${language}`

const visitorOf = (of: DraftOf): DraftOf => ({ ...of, user: undefined })

export const draft = (of: DraftOf): string | null => read(draftKey(of)) ?? read(draftKey(visitorOf(of)))

/** Origin of a version: another tab, another device, a visitor who then signed in, or a text that the user replaced. */
export type Origin = 'tab' | 'device' | 'visitor' | 'replaced'

export interface Version {
  text: string
  /** Time by the server's clock, in milliseconds. */
  at: number
  origin: Origin
  /** Whether the version is offered above the editor. */
  isOffered: boolean
}

/**
 * Maximum number of versions of one draft in this browser. The oldest are removed first. The server has a separate
 * history.
 */
export const VERSIONS_MAX = 10

export const versionsKey = (of: DraftOf): string => `${draftKey(of)}/versions`

const ORIGINS: readonly unknown[] = ['tab', 'device', 'visitor', 'replaced'] satisfies Origin[]

/** The versions, newest first. Malformed entries are ignored. */
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

/** Time in which a version of another tab is replaced by one that extends it. */
const TYPED_MS = 60_000

/** Whether a text is an earlier one with an insertion, so that it has everything that the earlier one had. */
function isExtension(text: string, earlier: string): boolean {
  let [before, after] = [0, 0]
  while (before < earlier.length && text[before] === earlier[before]) before += 1
  while (after < earlier.length - before && text.at(-1 - after) === earlier.at(-1 - after)) after += 1
  return before + after === earlier.length
}

/**
 * Stores a version, and returns whether it was stored. Replaces a version with an equal text. While somebody types in two tabs at once, each
 * key stores a version of the other tab, which replaces the one that it extends. Removes the oldest versions if there are too many.
 */
export function keepVersion(of: DraftOf, text: string, origin: Origin, isOffered: boolean, at = serverNow()): boolean {
  const isTyped = (one: Version) => origin === 'tab' && one.origin === 'tab' && at - one.at < TYPED_MS && isExtension(text, one.text)
  const others = versions(of).filter((one) => one.text !== text && !isTyped(one))
  for (let room = VERSIONS_MAX - 1; room >= 0; room -= 1) {
    const kept: Version[] = [{ text, at: at > 0 ? at : serverNow(), origin, isOffered }, ...others.slice(0, room)]
    if (write(versionsKey(of), JSON.stringify(kept))) return true
    room = Math.min(room, others.length)
  }
  return false
}

/**
 * Stores a text that is about to be replaced as a version, with the time of its last change. Returns whether it may be replaced. The starting code needs no
 * version.
 */
export const keepReplaced = (of: DraftOf, text: string, start: string, origin: Origin = 'replaced'): boolean => text === start || keepVersion(of, text, origin, false, syncState(of).at)

/** Records that the user has decided about every version. No version is offered any more; all stay in the history. */
export function settle(of: DraftOf): void {
  const found = versions(of)
  if (found.some((one) => one.isOffered)) write(versionsKey(of), JSON.stringify(found.map((one) => ({ ...one, isOffered: false }))))
}

/**
 * The list with one entry for each row of entries with the same text: the first entry in this browser, which has the
 * origin of the text, or else the first entry. A text that is not known counts as different.
 */
export function withoutRepeats<T extends { text: string | undefined; revision: number | undefined }>(entries: readonly T[]): T[] {
  const kept: T[] = []
  for (const entry of entries) {
    const last = kept.at(-1)
    if (last === undefined || entry.text === undefined || entry.text !== last.text) kept.push(entry)
    else if (last.revision !== undefined && entry.revision === undefined) kept[kept.length - 1] = entry
  }
  return kept
}

export function forgetVersion(of: DraftOf, text: string): void {
  const rest = versions(of).filter((one) => one.text !== text)
  if (rest.length === 0) remove(versionsKey(of))
  else write(versionsKey(of), JSON.stringify(rest))
}

/** State of the draft on the server, as known to this browser. */
export interface SyncState {
  /** The revision on which the text is based; `undefined` if there is none. */
  revision: number | undefined
  /** Time of the last change, by the server's clock, in milliseconds. */
  at: number
  /** Whether the server has the text. */
  isSaved: boolean
  /** Whether the next save must start a new revision, so that the server's text stays in its history. */
  begins: boolean
}

const syncKey = (of: DraftOf): string => `${draftKey(of)}/sync`

/** The state of a draft. A draft that an earlier version of the site stored counts as changed long ago. */
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

const sentKey = (of: DraftOf): string => `${draftKey(of)}/sent`

/** The text that this tab sent to the server last, if it has not seen the response: the page may be left before the response arrives. */
export const sentOfTab = (of: DraftOf): string | null => readOfTab(sentKey(of))

export function keepSent(of: DraftOf, text: string | undefined): void {
  if (text === undefined) removeOfTab(sentKey(of))
  else writeOfTab(sentKey(of), text)
}

export interface Stored {
  /** Whether the text was stored. */
  isStored: boolean
  /** Whether another tab had written a text, which then became a version. */
  isOtherStored: boolean
}

/**
 * Stores the editor's text. The starting code is not stored. `known` is the text that this tab last read or wrote. If
 * the storage has another text, another tab has written it, and it becomes a version. `isReplaced`: the text replaces
 * the previous text and is not an edit of it.
 */
export function changeDraft(of: DraftOf, text: string, start: string, known: string | null, isReplaced = false): Stored {
  const stored = read(draftKey(of))
  const isOther = stored !== null && stored !== known && stored !== text && stored !== start
  if (isOther && !keepVersion(of, stored, 'tab', true)) return { isStored: false, isOtherStored: false }
  const state = syncState(of)
  if (text === start) {
    remove(draftKey(of))
    if (of.user !== undefined) remove(draftKey(visitorOf(of)))
  } else if (!write(draftKey(of), text)) {
    return { isStored: false, isOtherStored: isOther }
  }
  keepSyncState(of, { ...state, at: serverNow(), isSaved: false, begins: state.begins || isReplaced || isOther })
  return { isStored: true, isOtherStored: isOther }
}

/** Replaces a draft from outside its editor. The previous text becomes a version. Returns whether both were stored. */
export function keepDraft(of: DraftOf, text: string, start: string): boolean {
  const present = draft(of)
  if (present !== null && present !== text && !keepReplaced(of, present, start)) return false
  return changeDraft(of, text, start, read(draftKey(of)), true).isStored
}

/**
 * Moves a visitor's draft to the user who signs in. If the user already has a draft, the editor gets the newer text,
 * and the older text is offered.
 */
export function claim(of: DraftOf, start: string): void {
  if (of.user === undefined) return
  const visitor = visitorOf(of)
  claimVersions(of, visitor)
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

/** Moves the versions of a visitor, and the text before another one was handed over, to the user who signs in. */
function claimVersions(of: DraftOf, visitor: DraftOf): void {
  const moved = versions(visitor)
  const texts = new Set(moved.map((one) => one.text))
  const all = [...moved, ...versions(of).filter((one) => !texts.has(one.text))].sort((one, two) => two.at - one.at)
  if (moved.length > 0 && write(versionsKey(of), JSON.stringify(all.slice(0, VERSIONS_MAX)))) remove(versionsKey(visitor))
  const before = read(beforeKey(visitor))
  if (before === null) return
  const isMoved = read(beforeKey(of)) === null ? write(beforeKey(of), before) && write(handedKey(of), read(handedKey(visitor)) ?? '') : keepVersion(of, before, 'visitor', false)
  if (!isMoved) return
  remove(beforeKey(visitor))
  remove(handedKey(visitor))
}

/** The verdict of a text that was run or submitted. The text itself is in the history. */
export interface DraftVerdict {
  /** Time of the run, by the server's clock, in milliseconds. */
  at: number
  /** Size of the text. */
  bytes: number
  verdict: string
  isSubmission: boolean
}

const VERDICTS_MAX = 40

const verdictsKey = (of: DraftOf): string => `${draftKey(of)}/verdicts`

export function verdictsOf(of: DraftOf): DraftVerdict[] {
  const found = parsed(read(verdictsKey(of)))
  const isStored = (one: Partial<DraftVerdict> | null): one is DraftVerdict => typeof one?.at === 'number' && typeof one.bytes === 'number' && typeof one.verdict === 'string' && typeof one.isSubmission === 'boolean'
  return Array.isArray(found) ? found.filter(isStored) : []
}

export function keepVerdict(of: DraftOf, verdict: DraftVerdict): void {
  const others = verdictsOf(of).filter((one) => one.at !== verdict.at)
  write(verdictsKey(of), JSON.stringify([verdict, ...others].sort((one, two) => two.at - one.at).slice(0, VERDICTS_MAX)))
}

/** A run saves its text, so the text's time may be this much later than that of the run. */
const SAVED_WITHIN_MS = 15_000

/** The last verdict of a version, which was the newest one from its own time until that of the next version. */
export const verdictOfVersion = (verdicts: readonly DraftVerdict[], version: { at: number; bytes: number }, next: number | undefined): DraftVerdict | undefined =>
  verdicts.find(({ at, bytes }) => bytes === version.bytes && at > version.at - SAVED_WITHIN_MS && at < (next ?? Infinity))

const languageKey = (slug: string): string => `cupel.language-of/${slug}`

/** The language last used in this browser for this problem, or for any problem. */
export const lastLanguageOf = (slug: string): string | null => read(languageKey(slug))
export const lastLanguageOfAny = (): string | null => read(languageKey(''))

export function keepLanguage(slug: string, language: string): void {
  write(languageKey(slug), language)
  write(languageKey(''), language)
}

const beforeKey = (of: DraftOf): string => `${draftKey(of)}/before`
const handedKey = (of: DraftOf): string => `${draftKey(of)}/handed`

/**
 * Puts a text from another page into a draft. The user's previous text is kept until the user discards it. A previous
 * text that was also handed over and not changed is not kept. Returns whether everything was stored.
 */
export function handOver(of: DraftOf, text: string, start: string): boolean {
  const current = draft(of)
  const isOwn = current !== null && current !== text && current !== start && current !== read(handedKey(of))
  if (isOwn) {
    const earlier = read(beforeKey(of))
    if (earlier !== null && earlier !== current && !keepVersion(of, earlier, 'replaced', false)) return false
    if (!write(beforeKey(of), current)) return false
  }
  return changeDraft(of, text, start, read(draftKey(of)), true).isStored && write(handedKey(of), text)
}

/** The draft's text before another text was handed over. */
export const draftBefore = (of: DraftOf): string | null => read(beforeKey(of))

export const forgetBefore = (of: DraftOf): void => remove(beforeKey(of))
