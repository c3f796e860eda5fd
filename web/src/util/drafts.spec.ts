import { beforeEach, expect, test, vi } from 'vitest'
import { changeDraft, claim, draft, draftBefore, forgetBefore, handOver, keepDraft, keepReplaced, keepSyncState, keepVersion, settle, syncState, versions, VERSIONS_MAX, withoutRepeats, verdictOfVersion } from './drafts'

const OF = { user: 'ada', slug: '(playground)', language: 'python' }

beforeEach(() => {
  const kept = new Map<string, string>()
  vi.stubGlobal('localStorage', {
    getItem: (key: string) => kept.get(key) ?? null,
    setItem: (key: string, value: string) => kept.set(key, value),
    removeItem: (key: string) => kept.delete(key),
  })
})

test('the user\'s own text is kept when one or more texts are handed over', () => {
  keepDraft(OF, 'mine', 'start')
  expect(handOver(OF, 'shared', 'start')).toBe(true)
  expect([draft(OF), draftBefore(OF)]).toEqual(['shared', 'mine'])
  handOver(OF, 'another', 'start')
  expect([draft(OF), draftBefore(OF)]).toEqual(['another', 'mine'])
  forgetBefore(OF)
  keepDraft(OF, 'changed', 'start')
  handOver(OF, 'third', 'start')
  expect(draftBefore(OF)).toBe('changed')
})

test('the starting code and a text equal to the one handed over are not kept as the user\'s text', () => {
  handOver(OF, 'shared', 'start')
  expect(draftBefore(OF)).toBe(null)
  keepDraft(OF, 'shared', 'start')
  handOver(OF, 'shared', 'start')
  expect(draftBefore(OF)).toBe(null)
})

test('a text is not replaced if the browser cannot store the previous text', () => {
  keepDraft(OF, 'mine', 'start')
  vi.stubGlobal('localStorage', {
    getItem: localStorage.getItem,
    setItem: () => {
      throw new Error('full')
    },
    removeItem: () => undefined,
  })
  expect(handOver(OF, 'shared', 'start')).toBe(false)
  expect(draft(OF)).toBe('mine')
})

test('a text that cannot be kept as a version must not be replaced, and the starting code may always be replaced', () => {
  expect([keepReplaced(OF, 'mine', 'start'), texts()]).toEqual([true, ['replaced mine']])
  expect([keepReplaced(OF, 'theirs', 'start', 'tab'), texts()]).toEqual([true, ['tab theirs', 'replaced mine']])
  expect([keepReplaced(OF, 'start', 'start'), texts().length]).toEqual([true, 2])
  vi.stubGlobal('localStorage', {
    getItem: localStorage.getItem,
    setItem: () => {
      throw new Error('full')
    },
    removeItem: () => undefined,
  })
  expect([keepReplaced(OF, 'new', 'start'), keepReplaced(OF, 'start', 'start')]).toEqual([false, true])
})

const VISITOR = { ...OF, user: undefined }
const texts = () => versions(OF).map(({ text, origin, isOffered }) => `${origin} ${text}${isOffered ? '?' : ''}`)

test('further changes in a tab keep the text of another tab as a version', () => {
  let [one, two] = [draft(OF), draft(OF)]
  const type = (text: string, known: string | null) => {
    expect(changeDraft(OF, text, 'start', known).isStored).toBe(true)
    return draft(OF)
  }
  one = type('a', one)
  one = type('ab', one)
  expect(texts()).toEqual([])
  two = type('x', two)
  two = type('xy', two)
  expect([draft(OF), texts()]).toEqual(['xy', ['tab ab?']])
  type('abc', one)
  expect([draft(OF), texts()]).toEqual(['abc', ['tab xy?', 'tab ab?']])
  settle(OF)
  expect(texts()).toEqual(['tab xy', 'tab ab'])
})

test('the text of another tab is not overwritten if the browser cannot store it as a version', () => {
  changeDraft(OF, 'theirs', 'start', null)
  const kept = localStorage
  vi.stubGlobal('localStorage', {
    getItem: (key: string) => kept.getItem(key),
    setItem: (key: string, value: string) => {
      if (key.endsWith('/versions')) throw new Error('full')
      kept.setItem(key, value)
    },
    removeItem: () => undefined,
  })
  expect(changeDraft(OF, 'mine', 'start', null).isStored).toBe(false)
  expect(keepDraft(OF, 'mine', 'start')).toBe(false)
  expect(draft(OF)).toBe('theirs')
})

test('the editor gets the newer of a visitor\'s and a user\'s draft, and the older draft is offered', () => {
  const write = (of: typeof OF | typeof VISITOR, text: string, at: number) => {
    changeDraft(of, text, 'start', draft(of))
    keepSyncState(of, { revision: 7, at, isSaved: true, begins: false })
  }
  write(OF, 'own', 1)
  write(VISITOR, 'visitor', 2)
  claim(OF, 'start')
  expect([draft(OF), texts(), draft(VISITOR)]).toEqual(['visitor', ['replaced own?'], null])
  // The server has the user's text, and gets the visitor's.
  expect(syncState(OF)).toEqual({ revision: 7, at: 2, isSaved: false, begins: true })
  write(VISITOR, 'older', 1)
  claim(OF, 'start')
  expect([draft(OF), texts(), draft(VISITOR)]).toEqual(['visitor', ['visitor older?', 'replaced own?'], null])
  claim(OF, 'start')
  expect(versions(OF).length).toBe(2)
})

test('a user without a draft gets the visitor\'s, and another user on the same browser does not', () => {
  changeDraft(VISITOR, 'visitor', 'start', null)
  claim(OF, 'start')
  expect([draft(OF), texts()]).toEqual(['visitor', []])
  expect(draft({ ...OF, user: 'bob' })).toBe(null)
})

test('a user who signs in gets the visitor\'s history, and the text that the visitor has set aside', () => {
  keepVersion(VISITOR, 'earlier', 'replaced', false, 1)
  keepVersion(OF, 'own', 'device', true, 2)
  keepDraft(VISITOR, 'mine', 'start')
  handOver(VISITOR, 'shared', 'start')
  claim(OF, 'start')
  expect([draft(OF), draftBefore(OF), texts()]).toEqual(['shared', 'mine', ['device own?', 'replaced earlier']])
  expect([draft(VISITOR), draftBefore(VISITOR), versions(VISITOR)]).toEqual([null, null, []])
  // The user has set a text aside, too.
  keepDraft(VISITOR, 'second', 'start')
  handOver(VISITOR, 'shared too', 'start')
  claim(OF, 'start')
  expect([draftBefore(OF), texts().includes('visitor second')]).toEqual(['mine', true])
})

test('a text that is loaded into the editor keeps the previous text as a version', () => {
  keepDraft(OF, 'mine', 'start')
  expect(keepDraft(OF, 'loaded', 'start')).toBe(true)
  expect([draft(OF), texts()]).toEqual(['loaded', ['replaced mine']])
})

test('while somebody types in two tabs at once, the history gets one version of each tab, and no text is lost', () => {
  const [one, two] = ['print(1)', 'x = 2']
  for (let n = 1; n <= one.length; n += 1) {
    keepVersion(OF, one.slice(0, n), 'tab', false, 1000 + n)
    keepVersion(OF, two.slice(0, n), 'tab', false, 1000 + n)
  }
  expect(texts()).toEqual([`tab ${two}`, `tab ${one}`])
  // A deletion and a later change are versions of their own.
  keepVersion(OF, 'print()', 'tab', false, 2000)
  keepVersion(OF, 'print(1) # later', 'tab', false, 100_000)
  expect(texts()).toEqual(['tab print(1) # later', 'tab print()', `tab ${two}`, `tab ${one}`])
})

test('the versions of a draft are bounded and distinct, and are removed if the storage is full', () => {
  for (let n = 0; n < VERSIONS_MAX + 5; n += 1) keepVersion(OF, `text ${n}`, 'tab', false)
  expect(versions(OF).length).toBe(VERSIONS_MAX)
  expect(versions(OF)[0]?.text).toBe(`text ${VERSIONS_MAX + 4}`)
  keepVersion(OF, 'text 10', 'device', false)
  expect(versions(OF).filter(({ text }) => text === 'text 10').length).toBe(1)
  const kept = localStorage
  vi.stubGlobal('localStorage', {
    getItem: (key: string) => kept.getItem(key),
    setItem: (key: string, value: string) => {
      if (value.length > 300) throw new Error('full')
      kept.setItem(key, value)
    },
    removeItem: () => undefined,
  })
  expect(keepVersion(OF, 'last', 'tab', true)).toBe(true)
  const [newest, ...rest] = versions(OF)
  expect(newest?.text).toBe('last')
  expect(rest.length).toBeGreaterThan(0)
  expect(rest.length).toBeLessThan(VERSIONS_MAX - 1)
})

test('malformed data in place of the versions are ignored', () => {
  for (const text of ['', '{}', '[1, null, {"text": 1}]', '[{"text":"a","at":1,"origin":"elsewhere","isOffered":true}]', '[']) {
    localStorage.setItem('cupel.draft/ada/(playground)/python/versions', text)
    expect(versions(OF)).toEqual([])
  }
})

test('equal consecutive versions in the history are listed once', () => {
  const entries = [['b', 4], ['b'], ['b', 3], [undefined, 2], [undefined, 1], ['a'], ['b', 0], ['b', -1]] as [string | undefined, number?][]
  const listed = withoutRepeats(entries.map(([text, revision]) => ({ text, revision })))
  expect(listed.map(({ text, revision }) => [text, revision])).toEqual([['b', undefined], [undefined, 2], [undefined, 1], ['a', undefined], ['b', 0]])
})

test('a version has the verdict of the run that was made while it was the newest', () => {
  const kept = [
    { at: 90_000, bytes: 10, verdict: 'AC', isSubmission: true },
    { at: 50_000, bytes: 10, verdict: 'WA', isSubmission: false },
  ]
  expect(verdictOfVersion(kept, { at: 48_000, bytes: 10 }, 80_000)?.verdict).toBe('WA')
  expect(verdictOfVersion(kept, { at: 88_000, bytes: 10 }, undefined)?.verdict).toBe('AC')
  expect(verdictOfVersion(kept, { at: 88_000, bytes: 11 }, undefined)).toBeUndefined()
})

test('a replaced text has the time of its last change, so that the verdict on it is found', () => {
  keepDraft(OF, 'mine', 'start')
  keepSyncState(OF, { ...syncState(OF), at: 1_000 })
  keepDraft(OF, 'other', 'start')
  expect(versions(OF).map(({ text, at }) => [text, at])).toEqual([['mine', 1_000]])
})
