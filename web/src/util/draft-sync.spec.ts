import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { CallError } from '../api/client'
import { DraftSync, RETRY_MS, RETRY_MS_MAX, SAVE_AFTER_MS, SAVE_WITHIN_MS, UNSURE_MS, type DraftServer, type ServerDraft } from './draft-sync'
import { changeDraft, draft, handOver, keepDraft, keepVersion, syncState, versions } from './drafts'

// The client of the API reads the page's address when it is loaded.
vi.mock('../api/client', () => ({
  CallError: class extends Error {
    constructor(readonly status: number) {
      super()
    }
  },
}))

const OF = { user: 'ada', slug: 'sum', language: 'python' }
const START = 'start'
const refused = (status: number) => new (CallError as unknown as new (status: number) => CallError)(status)

/** A simulated server with one draft, which checks conditions like the real server and records requests. */
class Server implements DraftServer {
  present: ServerDraft | undefined
  log: string[] = []
  fault: number | undefined
  /** Whether the responses to saves never arrive, because the page is left. */
  isLeft = false

  newest = async () => this.present?.revision
  read = async () => this.present
  save = async (text: string, based: number | undefined, begins: boolean) => {
    this.log.push(`${begins ? 'begin ' : ''}${text}`)
    if (this.fault !== undefined) throw refused(this.fault)
    if (this.present?.text !== text) {
      if (this.present?.revision !== based) throw refused(412)
      this.put(text)
    }
    if (this.isLeft) return new Promise<never>(() => undefined)
    return this.present?.revision ?? 0
  }

  put(text: string, savedAt = Date.now()) {
    this.present = { revision: (this.present?.revision ?? 0) + 1, text, savedAt }
  }
}

let server: Server
let text: string
/** The text that this tab last read from or wrote to the browser's storage. */
let known: string | null
let sync: DraftSync

function open(): DraftSync {
  text = draft(OF) ?? START
  known = draft(OF)
  return new DraftSync(OF, server, {
    text: () => text,
    adopt: put,
    isReplaced: () => draft(OF) !== known,
    changed: () => undefined,
  })
}

function put(next: string): boolean {
  text = next
  const { isStored } = changeDraft(OF, next, START, known)
  if (isStored) known = draft(OF)
  return isStored
}

const type = (next: string) => sync.changed(put(next))

const wait = (ms: number) => vi.advanceTimersByTimeAsync(ms)

function stubStorage() {
  for (const storage of ['localStorage', 'sessionStorage']) {
    const kept = new Map<string, string>()
    vi.stubGlobal(storage, {
      getItem: (key: string) => kept.get(key) ?? null,
      setItem: (key: string, value: string) => kept.set(key, value),
      removeItem: (key: string) => kept.delete(key),
    })
  }
}

beforeEach(() => {
  vi.useFakeTimers()
  stubStorage()
  server = new Server()
  sync = open()
})
afterEach(() => vi.useRealTimers())

test('changes are saved together after a pause, and at intervals during continuous typing', async () => {
  type('a')
  await wait(SAVE_AFTER_MS - 1)
  type('ab')
  await wait(SAVE_AFTER_MS - 1)
  expect(server.log).toEqual([])
  await wait(1)
  expect(server.log).toEqual(['ab'])
  expect(syncState(OF)).toMatchObject({ revision: 1, isSaved: true })
  for (let ms = 0; ms < SAVE_WITHIN_MS; ms += 1_000) {
    type(`ab${ms}`)
    await wait(1_000)
  }
  expect(server.log.length).toBe(2)
})

test('the text of another device is loaded at once if nothing was changed here', async () => {
  server.put('theirs')
  await sync.look()
  expect([text, draft(OF), server.log]).toEqual(['theirs', 'theirs', []])
  expect(syncState(OF)).toMatchObject({ revision: 1, isSaved: true })
  server.put('theirs again')
  await sync.look()
  expect(text).toBe('theirs again')
  expect(versions(OF)).toEqual([])
})

test('a newer change here is kept, and the other device\'s text is offered and stays in the history', async () => {
  await sync.look()
  server.put('theirs')
  await wait(1_000)
  type('mine')
  await wait(SAVE_AFTER_MS)
  expect(server.log).toEqual(['mine', 'begin mine'])
  expect(text).toBe('mine')
  expect(versions(OF)).toMatchObject([{ text: 'theirs', origin: 'device', isOffered: true }])
  expect(syncState(OF)).toMatchObject({ revision: 2, isSaved: true })
})

/** Types a text and leaves the page, so that the response to its save never arrives. */
async function typeAndLeave(mine: string) {
  await sync.look()
  type(mine)
  server.isLeft = true
  sync.flush(true)
  await wait(0)
  server.isLeft = false
  expect(server.present?.text).toBe(mine)
  expect(syncState(OF)).toMatchObject({ isSaved: false })
}

test('a text that this tab saved while its page was left, and that was then replaced, is not that of another device', async () => {
  await typeAndLeave('mine')
  expect(handOver(OF, 'loaded', START)).toBe(true)
  sync = open()
  await sync.look()
  expect([text, server.log]).toEqual(['loaded', ['mine', 'begin loaded']])
  expect(versions(OF)).toMatchObject([{ text: 'mine', origin: 'replaced', isOffered: false }])
  expect(syncState(OF)).toMatchObject({ revision: 2, isSaved: true })
})

test('a text that this tab saved while its page was left is no version if the user goes on', async () => {
  await typeAndLeave('mine')
  sync = open()
  type('mine again')
  await sync.look()
  expect([text, server.present?.text, versions(OF)]).toEqual(['mine again', 'mine again', []])
})

test('another tab has not sent the text, so it is offered there', async () => {
  await typeAndLeave('of the other tab')
  vi.stubGlobal('sessionStorage', { getItem: () => null, setItem: () => undefined, removeItem: () => undefined })
  sync = open()
  type('mine')
  await sync.look()
  expect(versions(OF)).toMatchObject([{ text: 'of the other tab', origin: 'device', isOffered: true }])
})

test('a text of another tab that the user has rejected is not offered again as the text of another device', async () => {
  await sync.look()
  // The other tab saved its text. Then the user kept the text of this tab.
  server.put('of the other tab')
  keepVersion(OF, 'of the other tab', 'tab', false)
  type('mine')
  await wait(SAVE_AFTER_MS)
  expect(server.log).toEqual(['mine', 'begin mine'])
  expect(versions(OF)).toMatchObject([{ text: 'of the other tab', origin: 'tab', isOffered: false }])
})

test('a text of this tab that another tab replaced and saved is not saved over it, and only this tab\'s text is offered', async () => {
  await sync.look()
  type('mine')
  // The other tab has not read this text, and its page is left before the response to its save arrives.
  changeDraft(OF, 'of the other tab', START, null)
  server.put('of the other tab')
  await wait(SAVE_AFTER_MS)
  await sync.look()
  expect([server.log, text]).toEqual([[], 'mine'])
  expect(versions(OF)).toMatchObject([{ text: 'mine', origin: 'tab', isOffered: true }])
  // If the user goes on in this tab, its text is saved, and the other one is offered.
  type('mine, too')
  await wait(SAVE_AFTER_MS)
  expect(server.log.at(-1)).toBe('begin mine, too')
  expect(versions(OF)).toMatchObject([{ text: 'of the other tab', isOffered: true }, { text: 'mine' }])
})

test('a tab does not save its old text over the text with which another tab went on', async () => {
  type('old')
  await wait(SAVE_AFTER_MS)
  // The other tab has read the old text, and changes it. Its page is left before it saves.
  changeDraft(OF, 'old and new', START, 'old')
  await sync.look()
  expect(server.log).toEqual(['old'])
  sync.stop()
  sync = open()
  await sync.look()
  expect([server.log, text]).toEqual([['old', 'old and new'], 'old and new'])
})

/** From now on, the browser stores nothing. What it has stored stays, unless `isBlocked`. */
function refuseStorage(isBlocked = false) {
  const full = () => {
    throw new Error('full')
  }
  for (const storage of ['localStorage', 'sessionStorage'] as const) {
    const stored = globalThis[storage]
    vi.stubGlobal(storage, { getItem: isBlocked ? full : (key: string) => stored.getItem(key), setItem: full, removeItem: full })
  }
}

test('a text that the browser cannot store is saved on the server, and is not replaced by that of another device', async () => {
  for (const isBlocked of [false, true]) {
    server.log = []
    server.present = undefined
    sync = open()
    if (!isBlocked) type('stored')
    await wait(SAVE_AFTER_MS)
    refuseStorage(isBlocked)
    if (isBlocked) sync = open()
    type('not stored')
    expect(sync.isSaved).toBe(false)
    await wait(SAVE_AFTER_MS)
    expect([server.log.at(-1), sync.isSaved]).toEqual(['not stored', true])
    type('not stored either')
    server.put('theirs', Date.now() + 2 * UNSURE_MS)
    await sync.look()
    // The text of the other device stays in the server's history.
    expect([server.log.at(-1), text]).toEqual(['begin not stored either', 'not stored either'])
    vi.unstubAllGlobals()
    stubStorage()
  }
})

test('a text that only the server has is loaded by the next editor', async () => {
  type('stored')
  await wait(SAVE_AFTER_MS)
  const stored = localStorage
  refuseStorage()
  type('stored, and more')
  await wait(SAVE_AFTER_MS)
  sync.stop()
  vi.stubGlobal('localStorage', stored)
  await wait(UNSURE_MS)
  sync = open()
  expect(text).toBe('stored')
  await sync.look()
  expect([text, server.present?.text]).toEqual(['stored, and more', 'stored, and more'])
})

test('a text that the browser stores without its state is saved on the server', async () => {
  sync = open()
  type('first')
  await wait(SAVE_AFTER_MS)
  expect(sync.isSaved).toBe(true)
  const stored = localStorage
  vi.stubGlobal('localStorage', {
    getItem: (key: string) => stored.getItem(key),
    setItem: (key: string, value: string) => {
      if (key.endsWith('/sync')) throw new Error('full')
      stored.setItem(key, value)
    },
    removeItem: (key: string) => stored.removeItem(key),
  })
  type('second')
  expect([draft(OF), sync.isSaved]).toEqual(['second', false])
  await wait(SAVE_AFTER_MS)
  expect([server.log, sync.isSaved]).toEqual([['first', 'second'], true])
})

test('a text that the browser could not store is saved when its editor is removed', async () => {
  refuseStorage()
  type('mine')
  sync.stop()
  await wait(0)
  expect(server.log).toEqual(['mine'])
})

test('an older change here is replaced, and is offered', async () => {
  server.fault = 0
  type('mine')
  await wait(SAVE_AFTER_MS)
  sync.stop()
  await wait(UNSURE_MS)
  server.put('theirs')
  server.fault = undefined
  sync = open()
  await sync.look()
  expect(text).toBe('theirs')
  expect(versions(OF)).toMatchObject([{ text: 'mine', origin: 'device', isOffered: true }])
})

test('the editor keeps its text if the other device saved at about the same time', async () => {
  await sync.look()
  type('mine')
  await wait(1_000)
  server.put('theirs')
  await wait(SAVE_AFTER_MS)
  expect([text, server.present?.text]).toEqual(['mine', 'mine'])
  expect(versions(OF)).toMatchObject([{ text: 'theirs', origin: 'device', isOffered: true }])
})

test('a save that cannot reach the server is retried with growing pauses until it succeeds', async () => {
  server.fault = 0
  type('a')
  await wait(SAVE_AFTER_MS)
  expect(server.log.length).toBe(1)
  await wait(RETRY_MS)
  expect(server.log.length).toBe(2)
  await wait(RETRY_MS)
  expect(server.log.length).toBe(2)
  await wait(10 * RETRY_MS_MAX)
  expect(server.log.length).toBeLessThan(20)
  server.fault = undefined
  await wait(RETRY_MS_MAX)
  expect(syncState(OF).isSaved).toBe(true)
})

test('a refused text is not sent again until it is changed', async () => {
  server.fault = 422
  type('a')
  expect(sync.isRefused).toBe(false)
  await wait(10 * RETRY_MS_MAX)
  expect([server.log, sync.isRefused]).toEqual([['a'], true])
  server.fault = undefined
  type('ab')
  expect(sync.isRefused).toBe(false)
  await wait(SAVE_AFTER_MS)
  expect(syncState(OF).isSaved).toBe(true)
})

test('a page saves at once when it is closed or hidden', async () => {
  type('a')
  sync.flush(true)
  await wait(0)
  expect(server.log).toEqual(['a'])
  type('ab')
  sync.stop()
  await wait(0)
  expect([server.log, syncState(OF).isSaved]).toEqual([['a', 'ab'], true])
  await wait(SAVE_WITHIN_MS)
  expect(server.log.length).toBe(2)
})

test('a draft that was removed elsewhere is saved again', async () => {
  type('a')
  await wait(SAVE_AFTER_MS)
  server.present = undefined
  type('ab')
  await wait(SAVE_AFTER_MS)
  expect([server.log, (server.present as ServerDraft | undefined)?.text]).toEqual([['a', 'ab', 'ab'], 'ab'])
})

test('a change during a save is saved afterwards', async () => {
  const save = server.save
  server.save = async (...args) => {
    server.save = save
    type('ab')
    return await save(...args)
  }
  type('a')
  await wait(SAVE_AFTER_MS)
  expect([server.log, syncState(OF).isSaved]).toEqual([['a'], false])
  await wait(SAVE_AFTER_MS)
  expect([server.log, syncState(OF).isSaved]).toEqual([['a', 'ab'], true])
})

test('a text that was typed during a save is saved although the editor was removed meanwhile', async () => {
  const save = server.save
  server.save = async (...args) => {
    server.save = save
    await Promise.resolve()
    type('ab')
    sync.stop()
    return await save(...args)
  }
  type('a')
  await wait(SAVE_AFTER_MS)
  expect([server.log, syncState(OF).isSaved, vi.getTimerCount()]).toEqual([['a', 'ab'], true, 0])
})

test('a text that cannot be saved when its editor is removed is saved when the server can be reached', async () => {
  server.fault = 0
  type('mine')
  sync.stop()
  await wait(RETRY_MS)
  server.fault = undefined
  await wait(RETRY_MS_MAX)
  expect([server.present?.text, syncState(OF).isSaved, vi.getTimerCount()]).toEqual(['mine', true, 0])
})

test('a removed editor does not save its text over what was typed in the next one', async () => {
  put('mine')
  const stored = draft(OF)
  const removed = new DraftSync(OF, server, { text: () => 'mine', adopt: () => true, isReplaced: () => draft(OF) !== stored, changed: () => undefined })
  server.fault = 0
  removed.stop()
  await wait(0)
  server.fault = undefined
  sync = open()
  type('mine, too')
  await wait(RETRY_MS_MAX)
  expect([server.log, vi.getTimerCount()]).toEqual([['mine', 'mine, too'], 0])
})

test('the end of an attempt to save includes what was typed meanwhile', async () => {
  const save = server.save
  let answer: () => void = () => undefined
  server.save = async (...args) => {
    server.save = save
    await new Promise<void>((resolve) => (answer = resolve))
    return save(...args)
  }
  type('a')
  void sync.flush()
  type('ab')
  const end = sync.flush()
  answer()
  await end
  expect([server.log, syncState(OF).isSaved, sync.flush()]).toEqual([['a', 'ab'], true, undefined])
})

test('a text that is loaded into the draft is saved by the next editor, and the previous text stays in the history', async () => {
  type('mine')
  await wait(SAVE_AFTER_MS)
  type('mine, not saved yet')
  keepDraft(OF, 'loaded', START)
  sync.stop()
  sync = open()
  await sync.look()
  expect(server.log).toEqual(['mine', 'begin loaded'])
  expect(versions(OF)).toMatchObject([{ text: 'mine, not saved yet', origin: 'replaced', isOffered: false }])
  expect(syncState(OF)).toMatchObject({ isSaved: true, begins: false })
  type('loaded and changed')
  await wait(SAVE_AFTER_MS)
  expect(server.log[2]).toBe('loaded and changed')
})

test('a text that was run stays in the history, saved or not', async () => {
  type('run')
  await wait(SAVE_AFTER_MS)
  sync.keep()
  type('run more')
  await wait(SAVE_AFTER_MS)
  expect(server.log).toEqual(['run', 'begin run more'])
  // Not saved yet: it is saved at once, and stays.
  type('run again')
  sync.keep()
  await wait(0)
  type('later')
  await wait(SAVE_AFTER_MS)
  type('latest')
  await wait(SAVE_AFTER_MS)
  expect(server.log.slice(2)).toEqual(['run again', 'begin later', 'latest'])
})
