import { expect, test, vi } from 'vitest'

const sent: [string, string | null][] = []
vi.stubGlobal('document', { baseURI: 'http://cupel.example/problems' })
vi.stubGlobal('fetch', async ({ method, headers }: Request) => {
  sent.push([method, headers.get('x-cupel-site')])
  return Response.json({ revision: 1 })
})

const { setAccount } = await import('./client')
const { draftServer } = await import('./drafts')

test('a draft is saved only while the page is that of its owner', async () => {
  setAccount('first')
  const server = draftServer({ user: 'first', slug: 'two-sum', language: 'python' })
  expect(await server.save('mine', undefined, false, false)).toBe(1)
  for (const other of ['second', undefined]) {
    setAccount(other)
    await expect(server.save('mine', 1, false, true)).rejects.toMatchObject({ status: 401 })
  }
  expect(sent).toEqual([['PUT', 'first']])
})
