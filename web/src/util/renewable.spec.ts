import { expect, test, vi } from 'vitest'
import { renewable } from './renewable'

/** A component is represented by the function that imports it. */
const of = (load: () => Promise<string>) => renewable(load, (load) => ({ load }))

const GONE = new Error('404')

test('a component whose import has failed is replaced once for all places that show it, and is imported again', async () => {
  const load = vi.fn(async () => 'loaded').mockRejectedValueOnce(GONE)
  const part = of(load)
  const first = part.current()
  await expect(first.load()).rejects.toBe(GONE)
  expect(part.renew(GONE)).toBe(true)
  const second = part.current()
  expect([part.renew(GONE), part.current() === second, second === first]).toEqual([true, true, false])
  await expect(second.load()).resolves.toBe('loaded')
})

test('a component that was imported is not imported again after an error while it is drawn', async () => {
  const load = vi.fn(async () => 'loaded')
  const part = of(load)
  const first = part.current()
  await first.load()
  expect([part.renew(new Error('drawn')), part.current() === first, load.mock.calls.length]).toEqual([false, true, 1])
})
