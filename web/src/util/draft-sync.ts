// Saves a draft on the server while the user types, and finds changes from other devices.
//
// Nothing here delays typing or shows an error. The text is stored in the browser first, and a failed save is retried.
// A save names the revision on which it is based, so it cannot overwrite a change of another device that this browser
// has not read. If both have changed, the editor gets the newer text, and the older text becomes a version.
import { CallError } from '../api/client'
import { serverNow } from './clock'
import { keepSent, keepSyncState, keepVersion, sentOfTab, syncState, versions, type DraftOf, type SyncState } from './drafts'

/** Time without changes after which a change is saved. */
export const SAVE_AFTER_MS = 2_000
/** Maximum time between two saves while the user is typing. */
export const SAVE_WITHIN_MS = 10_000
/** Time before a failed save is retried. It doubles up to the maximum. */
export const RETRY_MS = 5_000
export const RETRY_MS_MAX = 60_000
/**
 * If the times of two changes differ by at most this, they count as equally new, and the editor keeps its text. The
 * times are inexact: the server's clock is known only to the second, and a save may be up to `SAVE_WITHIN_MS` later
 * than the change.
 */
export const UNSURE_MS = SAVE_WITHIN_MS + 2_000
/**
 * Maximum size of a body that a browser still sends when the page is closed. Source: Fetch standard,
 * "HTTP-network-or-cache fetch", 64 KiB.
 */
const LEAVING_BYTES_MAX = 60_000

export interface ServerDraft {
  revision: number
  text: string
  /** Time of the save, in milliseconds. */
  savedAt: number
}

/** The server's side of one draft. */
export interface DraftServer {
  /** Number of the newest revision. */
  newest(): Promise<number | undefined>
  read(): Promise<ServerDraft | undefined>
  /**
   * Saves a text that is based on a revision, and returns the number of the new revision. With `begins`, the present
   * revision stays in the history. With `isLeaving`, the page may be closed before the response arrives.
   */
  save(text: string, based: number | undefined, begins: boolean, isLeaving: boolean): Promise<number>
}

/** The editor's side of one draft. */
export interface DraftEditor {
  text(): string
  /** Puts a text into the editor and into the browser's storage. Returns whether it was stored. */
  adopt(text: string): boolean
  /** Whether the browser's storage has another text, which another tab or page has written. That one saves its text. */
  isReplaced(): boolean
  /** Called when the list of versions or the saved state has changed. */
  changed(): void
}

type Timer = ReturnType<typeof setTimeout>

/** Whether another try may succeed. */
const isTransient = (error: unknown) => error instanceof CallError && (error.status === 0 || error.status === 408 || error.status === 429 || error.status >= 500)

export class DraftSync {
  #timer: Timer | undefined
  /** Time of the first unsaved change. */
  #waitsSince: number | undefined
  #retryMs = RETRY_MS
  /** The exchange with the server, and those that follow it at once. */
  #underway: Promise<void> | undefined
  #isAgain = false
  #isStopped = false
  /** Whether the server has refused the last save, which is then not repeated. */
  isRefused = false
  /** The text that the next change must not replace on the server. */
  #kept: string | undefined
  /**
   * The state while the browser could not store the text or its state. The stored state then stays as it is, so that
   * the next editor finds the server's text to be newer.
   */
  #unstored: SyncState | undefined

  constructor(
    private readonly of: DraftOf,
    private readonly server: DraftServer,
    private readonly editor: DraftEditor,
  ) {}

  /** Compares the draft with the server's. Called when the page is opened and when the user returns to it. */
  async look(): Promise<void> {
    if (this.#isStopped || this.#underway) return
    await this.#alone(async () => {
      const newest = await this.server.newest()
      const { revision, isSaved } = this.#state()
      if (newest !== revision) await this.#meet()
      else if (!isSaved) await this.#save(false)
    })
  }

  /** Whether the server has the text. */
  get isSaved(): boolean {
    return this.#state().isSaved
  }

  #state(): SyncState {
    return this.#unstored ?? syncState(this.of)
  }

  #keepState(state: SyncState) {
    if (this.#unstored || !keepSyncState(this.of, state)) this.#unstored = state
  }

  /** Called when the text was changed. `isStored`: whether the browser has stored the new text. */
  changed(isStored: boolean): void {
    const state = this.#state()
    const stored = syncState(this.of)
    const isKept = isStored && !stored.isSaved && (!this.#unstored || keepSyncState(this.of, { ...stored, revision: state.revision, begins: true }))
    this.#unstored = isKept ? undefined : { ...state, at: serverNow(), isSaved: false }
    this.#waitsSince ??= Date.now()
    this.isRefused = false
    this.#plan(Math.min(SAVE_AFTER_MS, Math.max(0, this.#waitsSince + SAVE_WITHIN_MS - Date.now())))
  }

  /** Keeps the present text in the server's history. Called when the text is run or submitted. */
  keep(): void {
    this.#kept = this.editor.text()
    const state = this.#state()
    if (state.isSaved) this.#keepState({ ...state, begins: true })
    else void this.flush()
  }

  /**
   * Saves unsaved changes at once. Called when the page is hidden, when the connection is back and before the user signs out. The result is
   * the end of the attempt.
   */
  flush(isLeaving = false): Promise<void> | undefined {
    if (this.isSaved) return
    clearTimeout(this.#timer)
    return this.#alone(() => this.#save(isLeaving))
  }

  /**
   * Called when the editor is removed. Its text is saved as if it were there, unless the next editor of the draft has saved or changed it. If
   * its draft was replaced from outside, the next editor saves the new text.
   */
  stop(): void {
    clearTimeout(this.#timer)
    this.#isStopped = true
    void this.flush()
  }

  #plan(ms: number) {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => void this.flush(), ms)
  }

  /** Runs one exchange with the server at a time. */
  #alone(exchange: () => Promise<void>): Promise<void> {
    this.#isAgain = this.#underway !== undefined
    return (this.#underway ??= this.#exchange(exchange))
  }

  async #exchange(exchange: () => Promise<void>) {
    try {
      await exchange()
      this.#retryMs = RETRY_MS
    } catch (error) {
      // If the server refuses a save, for example because the text is too large, the save is retried only after the
      // next change.
      this.isRefused = !isTransient(error)
      if (!this.isRefused) {
        this.#plan(this.#retryMs)
        this.#retryMs = Math.min(RETRY_MS_MAX, 2 * this.#retryMs)
      }
    }
    this.#underway = undefined
    const next = this.#isAgain ? this.flush() : undefined
    this.editor.changed()
    await next
  }

  async #save(isLeaving: boolean) {
    if (this.editor.isReplaced()) return
    const text = this.editor.text()
    const { revision, begins } = this.#state()
    this.#waitsSince = undefined
    keepSent(this.of, text)
    try {
      this.#note(await this.server.save(text, revision, begins, isLeaving && text.length * 3 < LEAVING_BYTES_MAX), text)
    } catch (error) {
      if (!(error instanceof CallError && error.status === 412) || this.#isStopped) throw error
      await this.#meet()
    }
  }

  /** Records that the server has this text as this revision. */
  #note(revision: number, text: string) {
    keepSent(this.of, undefined)
    const state = this.#state()
    const isSaved = !this.editor.isReplaced() && this.editor.text() === text
    this.#keepState({ ...state, revision, isSaved, begins: (state.begins && !isSaved) || text === this.#kept })
  }

  /** Handles a draft on the server that this device has not read. */
  async #meet() {
    const theirs = await this.server.read()
    if (this.#isStopped || this.editor.isReplaced()) return
    const mine = this.editor.text()
    const state = this.#state()
    if (theirs === undefined) {
      this.#keepState({ ...state, revision: undefined })
      if (!state.isSaved) await this.#save(false)
    } else if (theirs.text === mine) {
      this.#note(theirs.revision, mine)
    } else if (state.isSaved) {
      this.#adopt(theirs)
    } else if (theirs.revision === state.revision) {
      await this.#save(false)
    } else {
      // This tab saved the text when its page was left, before another program replaced it or the user went on.
      const isSent = theirs.text === sentOfTab(this.of)
      if (!isSent && state.at + UNSURE_MS < theirs.savedAt && keepVersion(this.of, mine, 'device', true, state.at)) return this.#adopt(theirs)
      // A text of another tab is a version already, and the user may have rejected it.
      if (isSent ? state.begins : !versions(this.of).some(({ text, origin }) => origin === 'tab' && text === theirs.text)) {
        keepVersion(this.of, theirs.text, isSent ? 'replaced' : 'device', !isSent, theirs.savedAt)
      }
      this.#keepState({ ...state, revision: theirs.revision, begins: state.begins || !isSent })
      await this.#save(false)
    }
  }

  #adopt({ text, revision, savedAt }: ServerDraft) {
    const state = { revision, at: Math.min(savedAt, serverNow()), isSaved: true, begins: false }
    this.#unstored = this.editor.adopt(text) && keepSyncState(this.of, state) ? undefined : state
  }
}
