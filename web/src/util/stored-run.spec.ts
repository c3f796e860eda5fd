import { beforeEach, expect, test, vi } from 'vitest'
import { forgetRun, storeRun, storedRun } from './stored-run'
import { stubStorage } from './stub-storage'

const KEPT = { place: 'ada/python', run: 'r', isTerminal: true }
let stored: Map<string, string>

beforeEach(() => {
  stored = stubStorage('sessionStorage')
})

test('a run is stored for the place where it was started, until it is removed there', () => {
  storeRun(KEPT)
  expect(storedRun('ada/python')).toEqual(KEPT)
  expect(storedRun('ada/c')).toBeUndefined()
  forgetRun('ada/c')
  expect(storedRun('ada/python')).toEqual(KEPT)
  forgetRun('ada/python')
  expect(storedRun('ada/python')).toBeUndefined()
})

test('what the page has shown of a run is stored with it', () => {
  storeRun({ ...KEPT, seen: 7 })
  expect(storedRun('ada/python')).toEqual({ ...KEPT, seen: 7 })
})

test('damaged data are ignored, and a browser without storage has no run', () => {
  for (const text of ['', '{', '[]', 'null', '1', '{"place":"ada/python","run":1,"isTerminal":true}', '{"place":"ada/python","run":"r"}']) {
    stored.set('cupel.play-run', text)
    expect(storedRun('ada/python'), text).toBeUndefined()
  }
  vi.stubGlobal('sessionStorage', undefined)
  storeRun(KEPT)
  forgetRun('ada/python')
  expect(storedRun('ada/python')).toBeUndefined()
})
