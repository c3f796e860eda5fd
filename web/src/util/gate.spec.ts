import { MutationObserver, QueryClient } from '@tanstack/react-query'
import { expect, test } from 'vitest'
import { Gate } from './gate'

/** Sends as `useSend` does. */
function sender(request: () => Promise<void>) {
  const gate = new Gate()
  const mutation = new MutationObserver(new QueryClient(), { mutationFn: () => gate.through(request) })
  return async () => {
    if (gate.enter()) await mutation.mutate().catch(() => undefined)
  }
}

test('two clicks in a row send one request', async () => {
  let sent = 0
  const click = sender(async () => {
    sent += 1
  })
  await Promise.all([click(), click()])
  expect(sent).toBe(1)
})

test('a form can be sent again after its request has ended, even if it has failed', async () => {
  let sent = 0
  const click = sender(async () => {
    sent += 1
    throw new Error('refused')
  })
  await click()
  await click()
  expect(sent).toBe(2)
})
