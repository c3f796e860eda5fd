import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { isUnreached, isUnread, Reach } from './reach'

let browser: EventTarget
beforeEach(() => {
  vi.useFakeTimers()
  browser = new EventTarget()
  vi.stubGlobal('addEventListener', browser.addEventListener.bind(browser))
  vi.stubGlobal('removeEventListener', browser.removeEventListener.bind(browser))
})
afterEach(() => {
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

const failed = (status: number) => Object.assign(new Error(), { status })
const offline = failed(0)
const always = () => true

/** A call that fails with each of the errors, and then succeeds. */
const failing = (...errors: unknown[]) => {
  const send = vi.fn(async () => {
    const error = errors.shift()
    if (error !== undefined) throw error
    return 'answer'
  })
  return send
}

test('a lost call is repeated after growing pauses, until the server answers', async () => {
  const send = failing(offline, offline, offline)
  const missed = vi.fn()
  const answer = new Reach().call(send, isUnreached, always, missed)
  await vi.advanceTimersByTimeAsync(999)
  expect([send.mock.calls.length, missed.mock.calls.length]).toEqual([1, 1])
  await vi.advanceTimersByTimeAsync(1)
  expect(send).toHaveBeenCalledTimes(2)
  await vi.advanceTimersByTimeAsync(2_000)
  expect(send).toHaveBeenCalledTimes(3)
  await vi.advanceTimersByTimeAsync(4_000)
  expect(await answer).toBe('answer')
  expect(missed).toHaveBeenCalledTimes(3)
})

test('the next attempt is made at once when the browser is online again, and when it is asked for', async () => {
  const send = failing(offline, offline)
  const reach = new Reach()
  const answer = reach.call(send, isUnreached, always, () => {})
  await vi.advanceTimersByTimeAsync(0)
  browser.dispatchEvent(new Event('online'))
  await vi.advanceTimersByTimeAsync(0)
  expect(send).toHaveBeenCalledTimes(2)
  reach.again()
  await vi.advanceTimersByTimeAsync(0)
  expect(await answer).toBe('answer')
  expect(vi.getTimerCount()).toBe(0)
})

test('an answer of the server that is an error ends the attempts', async () => {
  await expect(new Reach().call(failing(failed(422)), isUnreached, always, () => {})).rejects.toMatchObject({ status: 422 })
})

test('a call that is no longer wanted is not repeated', async () => {
  const send = failing(offline)
  let isWanted = true
  const answer = new Reach().call(send, isUnreached, () => isWanted, () => {})
  await vi.advanceTimersByTimeAsync(0)
  isWanted = false
  await vi.advanceTimersByTimeAsync(1_000)
  expect(await answer).toBeUndefined()
  expect(send).toHaveBeenCalledTimes(1)
})

test('only a call that reads is repeated after an answer of a gateway or of the rate limit', () => {
  for (const status of [429, 502, 503, 504]) expect([isUnreached(failed(status)), isUnread(failed(status))], `${status}`).toEqual([false, true])
  for (const status of [401, 404, 500]) expect(isUnread(failed(status)), `${status}`).toBe(false)
  expect([isUnreached(offline), isUnread(offline), isUnread(new Error('a fault of the page'))]).toEqual([true, true, false])
})
