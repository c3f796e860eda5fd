import { expect, test, vi } from 'vitest'
import { announceSession, suspectSession, watchSession } from './session-channel'

test('if the browser refuses a channel, the tab still learns that the server has refused its session', () => {
  vi.stubGlobal('BroadcastChannel', class {
    constructor() {
      throw new DOMException('The operation is insecure.', 'SecurityError')
    }
  })
  const onChange = vi.fn()
  const unwatch = watchSession(onChange)
  announceSession()
  suspectSession()
  expect(onChange).toHaveBeenCalledOnce()
  unwatch()
  suspectSession()
  expect(onChange).toHaveBeenCalledOnce()
})
