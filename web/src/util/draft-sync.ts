// Saves a draft on the server while it is written, and finds out what other devices have saved.
//
// Nothing here delays typing or shows an error: the text is in the browser's storage first, and a save that fails is tried
// again. A save names the revision that it is based on, so it never replaces another device's unseen. If both have changed,
// the newer text is in the editor, and the other one becomes a version.
import { CallError } from '../api/client'
import { serverNow } from './clock'
import { draft, keepSyncState, keepVersion, syncState, type DraftOf } from './drafts'

/** A save follows a change after this time without another one. */
export const SAVE_AFTER_MS = 2_000
/** While the person goes on typing, saves are at most this far apart. */
export const SAVE_WITHIN_MS = 10_000
/** Time before a failed save is tried again; it doubles up to the maximum. */
export const RETRY_MS = 5_000
export const RETRY_MS_MAX = 60_000
/**
 * Changes whose times are at most this far apart count as equally new, and the text in front of the person stays: the server's
 * clock is known by the second, and a save is that much later than the change.
 */
export const UNSURE_MS = SAVE_WITHIN_MS + 2_000
/** Largest body that a browser sends for a page that is closed. Source: Fetch standard, "HTTP-network-or-cache fetch", 64 KiB. */
const LEAVING_BYTES_MAX = 60_000

export interface ServerDraft {
  revision: number
  text: string
  /** In milliseconds. */
  savedAt: number
}

/** The server's side of one draft. */
export interface DraftServer {
  /** Number of the newest revision. */
  newest(): Promise<number | undefined>
  read(): Promise<ServerDraft | undefined>
  /**
   * Saves a text that is based on a revision, and returns its number. `begins`: the present revision stays in the history.
   * `isLeaving`: the page may be closed before the answer.
   */
  save(text: string, based: number | undefined, begins: boolean, isLeaving: boolean): Promise<number>
}

/** The editor's side of one draft. */
export interface DraftEditor {
  text(): string
  /** Puts a text into the editor and into the browser's storage. */
  adopt(text: string): void
  /** The versions, or whether the server has the text, have changed. */
  changed(): void
}

type Timer = ReturnType<typeof setTimeout>

/** Whether another try may succeed. */
const isTransient = (error: unknown) => error instanceof CallError && (error.status === 0 || error.status === 408 || error.status === 429 || error.status >= 500)

export class DraftSync {
  #timer: Timer | undefined
  /** When the first change that is not saved yet was made. */
  #waitsSince: number | undefined
  #retryMs = RETRY_MS
  #isBusy = false
  #isAgain = false
  #isStopped = false

  constructor(
    private readonly of: DraftOf,
    private readonly server: DraftServer,
    private readonly editor: DraftEditor,
  ) {}

  /** Compares with the server: when the page is opened, and when the person comes back to it. */
  async look(): Promise<void> {
    if (this.#isStopped || this.#isBusy) return
    await this.#alone(async () => {
      const newest = await this.server.newest()
      const { revision, isSaved } = syncState(this.of)
      if (newest !== revision) await this.#meet()
      else if (!isSaved) await this.#save(false)
    })
  }

  /** The text was changed. */
  changed(): void {
    this.#waitsSince ??= Date.now()
    this.#plan(Math.min(SAVE_AFTER_MS, Math.max(0, this.#waitsSince + SAVE_WITHIN_MS - Date.now())))
  }

  /** Saves at once what is not saved: the page is hidden, or the connection is back. */
  flush(isLeaving = false): void {
    if (syncState(this.of).isSaved || this.#isStopped) return
    this.#clear()
    void this.#alone(() => this.#save(isLeaving))
  }

  /** The editor is gone. A text that was put into its draft from outside is saved by the next editor. */
  stop(): void {
    const text = this.editor.text()
    if ((draft(this.of) ?? text) === text) this.flush()
    this.#clear()
    this.#isStopped = true
  }

  #clear() {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  #plan(ms: number) {
    this.#clear()
    if (!this.#isStopped) this.#timer = setTimeout(() => this.flush(), ms)
  }

  /** One exchange with the server at a time. */
  async #alone(exchange: () => Promise<void>) {
    if (this.#isBusy) {
      this.#isAgain = true
      return
    }
    this.#isBusy = true
    try {
      await exchange()
      this.#retryMs = RETRY_MS
    } catch (error) {
      // What the server refuses, such as a text that is too large, is tried again when the text has changed.
      if (isTransient(error)) {
        this.#plan(this.#retryMs)
        this.#retryMs = Math.min(RETRY_MS_MAX, 2 * this.#retryMs)
      }
    }
    this.#isBusy = false
    if (this.#isAgain) {
      this.#isAgain = false
      this.flush()
    }
    this.editor.changed()
  }

  async #save(isLeaving: boolean) {
    const text = this.editor.text()
    const { revision, begins } = syncState(this.of)
    this.#waitsSince = undefined
    let saved: number
    try {
      const fits = text.length * 3 < LEAVING_BYTES_MAX
      saved = await this.server.save(text, revision, begins, isLeaving && fits)
    } catch (error) {
      if (!(error instanceof CallError && error.status === 412) || this.#isStopped) throw error
      return await this.#meet()
    }
    this.#note(saved, text)
  }

  /** The server has this text in this revision. */
  #note(revision: number, text: string) {
    const state = syncState(this.of)
    const isSaved = (draft(this.of) ?? text) === text && (this.#isStopped || this.editor.text() === text)
    keepSyncState(this.of, { ...state, revision, isSaved, begins: state.begins && !isSaved })
  }

  /** Another device has saved the draft, or this one knows nothing of it. */
  async #meet() {
    const theirs = await this.server.read()
    if (this.#isStopped) return
    const mine = this.editor.text()
    const state = syncState(this.of)
    if (theirs === undefined) {
      keepSyncState(this.of, { ...state, revision: undefined })
      if (!state.isSaved) await this.#save(false)
    } else if (theirs.text === mine) {
      this.#note(theirs.revision, mine)
    } else if (state.isSaved) {
      this.#adopt(theirs)
    } else if (theirs.revision === state.revision) {
      await this.#save(false)
    } else if (state.at + UNSURE_MS < theirs.savedAt && keepVersion(this.of, mine, 'device', true, state.at)) {
      this.#adopt(theirs)
    } else {
      keepVersion(this.of, theirs.text, 'device', true, theirs.savedAt)
      keepSyncState(this.of, { ...state, revision: theirs.revision, begins: true })
      await this.#save(false)
    }
  }

  #adopt({ text, revision, savedAt }: ServerDraft) {
    this.editor.adopt(text)
    keepSyncState(this.of, { revision, at: Math.min(savedAt, serverNow()), isSaved: true, begins: false })
  }
}
