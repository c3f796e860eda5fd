import { expect, test } from 'vitest'
import { nextInContest, nextProblem } from './next-problem'
import type { Cell } from './standings'

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

const CELL: Cell = { tries: 0, pending: 0, first: false }
const SOLVED: Cell = { ...CELL, tries: 1, solved_at_seconds: 60 }
const TRIED: Cell = { ...CELL, tries: 1 }
const partial = (score: number): Cell => ({ ...CELL, tries: 1, score })

/** The next problem after `present` of the contest's problems a, b and so on. */
const inContest = (present: string, ...cells: Cell[]) => nextInContest(cells.map((_, at) => ({ slug: 'abcd'.charAt(at) })), present, cells)?.slug

test('in a contest, the next problem is the first unsolved one behind the present one, else the first one before it', () => {
  expect(inContest('b', TRIED, SOLVED, SOLVED, CELL)).toBe('d')
  expect(inContest('c', SOLVED, TRIED, SOLVED, SOLVED)).toBe('b')
  expect(inContest('a', SOLVED, SOLVED)).toBe(undefined)
  // The standings may be older than the present solution.
  expect(inContest('a', TRIED, SOLVED)).toBe(undefined)
})

test('in a contest with points, problems without points come first', () => {
  expect(inContest('a', partial(100), partial(40), CELL)).toBe('c')
  expect(inContest('c', partial(30), partial(40), partial(100))).toBe('a')
})

test('without results of the user, the next problem of a contest is the one behind the present one', () => {
  expect(nextInContest([{ slug: 'a' }, { slug: 'b' }], 'a', undefined)?.slug).toBe('b')
  expect(nextInContest([{ slug: 'a' }, { slug: 'b' }], 'b', undefined)).toBe(undefined)
})
