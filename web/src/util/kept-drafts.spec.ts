import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { changeDraft, draft, draftKey, keepSyncState, syncState, versions, type DraftOf } from './drafts'
import { DraftSync, RETRY_MS, UNSURE_MS, type DraftServer, type ServerDraft } from './draft-sync'
import { openDrafts } from './signed-in'
import { sendKept } from './kept-drafts'

const page = vi.hoisted(() => ({ user: 'id-of-ada' as string | undefined, server: (_: unknown): unknown => undefined }))
// The client of the API reads the page's address when it is loaded.
vi.mock('../api/client', () => ({
  CallError: class extends Error {
    constructor(readonly status: number) {
      super()
    }
  },
  pageUser: () => page.user,
}))
vi.mock('../api/drafts', () => ({ draftServer: (of: unknown) => page.server(of) }))
const { CallError } = await import('../api/client')

const SUM: DraftOf = { user: 'ada', slug: 'sum', language: 'python' }

/** The drafts on the server, by the keys of the drafts here, and what was sent. */
let present: Map<string, ServerDraft>
let log: string[]
let isDown: boolean

function serverOf(of: DraftOf): DraftServer {
  const key = draftKey(of)
  return {
    newest: async () => {
      if (isDown) throw new (CallError as unknown as new (status: number) => Error)(0)
      return present.get(key)?.revision
    },
    read: async () => present.get(key),
    save: async (text, based) => {
      if (isDown) throw new (CallError as unknown as new (status: number) => Error)(0)
      expect(based).toBe(present.get(key)?.revision)
      log.push(`${of.slug} ${of.language} ${text}`)
      present.set(key, { revision: (based ?? 0) + 1, text, savedAt: Date.now() })
      return (based ?? 0) + 1
    },
  }
}

const type = (of: DraftOf, text: string) => changeDraft(of, text, 'start', draft(of))

beforeEach(() => {
  vi.useFakeTimers()
  for (const storage of ['localStorage', 'sessionStorage']) {
    const methods = {
      getItem(this: Record<string, string>, key: string) {
        return this[key] ?? null
      },
      setItem(this: Record<string, string>, key: string, value: string) {
        this[key] = value
      },
      removeItem(this: Record<string, string>, key: string) {
        delete this[key]
      },
    }
    // As in a browser, the keys are the keys of the object.
    vi.stubGlobal(storage, Object.create(methods))
  }
  ;[present, log, isDown] = [new Map(), [], false]
  page.user = 'id-of-ada'
  page.server = (of) => serverOf(of as DraftOf)
  openDrafts.clear()
})
afterEach(() => vi.useRealTimers())

test('the user\'s drafts that only this browser has are sent, and no others', async () => {
  const playground = { ...SUM, slug: '(playground)' }
  type(SUM, 'mine')
  type({ ...SUM, language: 'cpp' }, 'saved')
  keepSyncState({ ...SUM, language: 'cpp' }, { revision: 1, at: 1, isSaved: true, begins: false })
  type(playground, 'playing')
  type({ ...SUM, slug: '(shared) 1' }, 'of a shared program')
  type({ ...SUM, user: 'bob' }, 'of another user')
  type({ ...SUM, user: undefined }, 'of a visitor')
  await sendKept('ada')
  expect(log).toEqual(['sum python mine', '(playground) python playing'])
  expect([SUM, playground].map((of) => syncState(of))).toMatchObject([{ revision: 1, isSaved: true }, { revision: 1, isSaved: true }])
  await sendKept('ada')
  expect(log.length).toBe(2)
})

test('a newer text of another device becomes the draft, and the text here is offered', async () => {
  type(SUM, 'mine')
  present.set(draftKey(SUM), { revision: 5, text: 'theirs', savedAt: Date.now() + UNSURE_MS + 1 })
  await sendKept('ada')
  expect([log, draft(SUM)]).toEqual([[], 'theirs'])
  expect(syncState(SUM)).toMatchObject({ revision: 5, isSaved: true })
  expect(versions(SUM)).toMatchObject([{ text: 'mine', origin: 'device', isOffered: true }])
})

test('a newer text here is sent, and the text of another device is offered', async () => {
  present.set(draftKey(SUM), { revision: 5, text: 'theirs', savedAt: Date.now() })
  vi.advanceTimersByTime(UNSURE_MS + 1)
  type(SUM, 'mine')
  await sendKept('ada')
  expect([log, draft(SUM)]).toEqual([['sum python mine'], 'mine'])
  expect(versions(SUM)).toMatchObject([{ text: 'theirs', origin: 'device', isOffered: true }])
})

test('a draft that an editor of the page has is left to the editor', async () => {
  type(SUM, 'mine')
  openDrafts.set(draftKey(SUM), () => undefined)
  await sendKept('ada')
  expect(log).toEqual([])
  // The editor is opened while the server is asked.
  openDrafts.clear()
  present.set(draftKey(SUM), { revision: 5, text: 'theirs', savedAt: Date.now() + UNSURE_MS + 1 })
  const sending = sendKept('ada')
  openDrafts.set(draftKey(SUM), () => undefined)
  await sending
  expect([draft(SUM), versions(SUM)]).toEqual(['mine', []])
})

test('the text that was sent is not taken for that of another device by an editor that is opened meanwhile', async () => {
  type(SUM, 'mine')
  const sending = sendKept('ada')
  // The editor begins with another text, which was handed over to it.
  changeDraft(SUM, 'handed over', 'start', draft(SUM), true)
  const editor = new DraftSync(SUM, serverOf(SUM), { text: () => 'handed over', adopt: () => true, isReplaced: () => false, changed: () => undefined })
  await editor.look()
  await sending
  expect(log.at(-1)).toBe('sum python handed over')
  expect(versions(SUM).filter(({ origin }) => origin === 'device')).toEqual([])
})

test('a failed attempt is repeated while the page is that of the user', async () => {
  type(SUM, 'mine')
  isDown = true
  await sendKept('ada')
  isDown = false
  await vi.advanceTimersByTimeAsync(RETRY_MS)
  expect(log).toEqual(['sum python mine'])
  type(SUM, 'more')
  isDown = true
  await sendKept('ada')
  ;[isDown, page.user] = [false, 'id-of-bob']
  await vi.advanceTimersByTimeAsync(10 * RETRY_MS)
  expect(log.length).toBe(1)
})
