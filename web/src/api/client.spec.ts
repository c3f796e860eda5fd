// Answers to a page of a user whose session has ended.
import { expect, test, vi } from 'vitest'

vi.stubGlobal('document', { baseURI: 'http://cupel.example/problems' })
let isOver = false
let status = 200
vi.stubGlobal('fetch', async () => Response.json({ slug: 'as-visitor' }, { status, headers: isOver ? { 'x-cupel-visitor': '1' } : {} }))

const { api, dataOf, setAccount } = await import('./client')
const { watchSession } = await import('../util/session-channel')

const read = () => api.GET('/api/v1/contests/{slug}', { params: { path: { slug: 'spring' } } })
type Contest = Awaited<ReturnType<typeof read>>['data']
const before = { slug: 'before' } as Contest

test("a page keeps its user's data when the session has ended, and checks it only sometimes", async () => {
  const onChange = vi.fn()
  const unwatch = watchSession(onChange)
  setAccount('first', true)
  expect(await dataOf(read(), before)).toMatchObject({ slug: 'as-visitor' })
  expect(onChange).not.toHaveBeenCalled()
  isOver = true
  expect(await dataOf(read(), before)).toBe(before)
  expect(await dataOf(read(), before)).toBe(before)
  expect(onChange).toHaveBeenCalledTimes(1)
  // A private contest.
  status = 404
  expect(await dataOf(read(), before)).toBe(before)
  status = 200
  // What the page has not read yet is shown.
  expect(await dataOf(read())).toMatchObject({ slug: 'as-visitor' })
  for (let n = 0; n < 20; n += 1) await dataOf(read(), before)
  expect(onChange).toHaveBeenCalledTimes(2)
  // A guest sees the same as a visitor, and after a sign-out, the page is that of a visitor.
  for (const account of ['guest', undefined]) {
    setAccount(account)
    expect(await dataOf(read(), before)).toMatchObject({ slug: 'as-visitor' })
  }
  expect(onChange).toHaveBeenCalledTimes(2)
  unwatch()
})
