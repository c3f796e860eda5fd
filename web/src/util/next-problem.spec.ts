import { expect, test } from 'vitest'
import { nextProblem } from './next-problem'

const line = (title: string) => ({ slug: title.toLowerCase(), title })

/** The next problem after `present`, and the pages that were read. */
async function next(present: string, unsolved: string[], size = 2) {
  const asked: number[] = []
  const found = await nextProblem(line(present), async (page) => {
    asked.push(page)
    return { problems: unsolved.slice((page - 1) * size, page * size).map(line), pages: Math.ceil(unsolved.length / size) }
  })
  return [found?.slug, asked] as const
}

test('the next problem is the first unsolved one after the present one in the order of the list', async () => {
  expect(await next('C', ['A', 'B', 'D', 'E'], 10)).toEqual(['d', [1]])
  // The list does not distinguish upper and lower case.
  expect(await next('b', ['A', 'C'], 10)).toEqual(['c', [1]])
})

test('a problem that is still listed as unsolved is not its own next problem', async () => {
  expect((await next('B', ['A', 'B', 'C']))[0]).toBe('c')
  expect((await next('A', ['A']))[0]).toBe(undefined)
})

test('after the last problem of the list comes the first, and nothing if all are solved', async () => {
  expect((await next('Z', ['A', 'B', 'C']))[0]).toBe('a')
  expect(await next('A', [])).toEqual([undefined, [1]])
})

test('in a long list, only a few pages are read', async () => {
  const titles = Array.from({ length: 640 }, (_, at) => `P${String(at).padStart(3, '0')}`)
  for (const at of [0, 1, 9, 10, 317, 638]) {
    const [found, asked] = await next(titles[at] ?? '', titles.filter((_, other) => other !== at), 10)
    expect(found).toBe(titles[at + 1]?.toLowerCase())
    expect(asked.length).toBeLessThanOrEqual(8)
  }
})

test('the next problem is of the same difficulty, else of a higher one, else of a lower one, else without a difficulty', async () => {
  const unsolved = [
    { title: 'A', difficulty: 'hard' },
    { title: 'B', difficulty: 'easy' },
    { title: 'C', difficulty: 'medium' },
    { title: 'D', difficulty: undefined },
  ]
  const after = async (difficulty: string | null, solved: string[] = []) => {
    const found = await nextProblem({ ...line('M'), difficulty }, async (_, of) => ({
      problems: unsolved.filter((one) => !solved.includes(one.title) && (of === undefined || one.difficulty === of)).map(({ title }) => line(title)),
      pages: 1,
    }))
    return found?.title
  }
  expect(await after('easy')).toBe('B')
  expect(await after('easy', ['B'])).toBe('C')
  expect(await after('medium', ['C'])).toBe('A')
  expect(await after('hard', ['A'])).toBe('C')
  expect(await after('hard', ['A', 'B', 'C'])).toBe('D')
  expect(await after(null)).toBe('A')
})
