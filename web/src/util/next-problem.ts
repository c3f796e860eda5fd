// The problem to solve next. Outside contests: an unsolved one of the same difficulty, else of the next higher difficulty, else of a lower one. In a
// difficulty, it is the first one after the present one in the order of the list of problems. After the last problem comes the first.
// In a contest, it is an unsolved one of the contest.
import type { Schema } from '../api/client'
import { stateOf, type Cell } from './standings'

type Line = Pick<Schema['ProblemLineView'], 'slug' | 'title'>

/** A page of the unsolved problems, in the order of the list. */
export interface LinePage {
  problems: Line[]
  pages: number
}

/** The server's order of titles. Source: `title_key` in crates/cupel-store/src/sql/problems/write.rs. */
const keyOf = ({ title }: Line): string => title.toLowerCase()

const DIFFICULTIES = ['easy', 'medium', 'hard']

/**
 * The problem of a contest to solve after another one: the first one without points, else the first one that is not solved completely.
 * The problems before the present one come after those behind it. Without `cells`, the user's results in the order of the problems, it is
 * the problem behind the present one.
 */
export function nextInContest<P extends Pick<Line, 'slug'>>(problems: readonly P[], present: string, cells: readonly Cell[] | undefined): P | undefined {
  const at = problems.findIndex(({ slug }) => slug === present)
  if (cells === undefined) return problems[at + 1]
  const others = problems.map((problem, index) => ({ problem, state: cells[index] === undefined ? 'none' : stateOf(cells[index]) }))
  const order = [...others.slice(at + 1), ...others.slice(0, Math.max(0, at))]
  const found = order.find(({ state }) => state !== 'solved' && state !== 'partial') ?? order.find(({ state }) => state === 'partial')
  return found?.problem
}

/** `null` if no other problem is unsolved. `read` reads a page, from 1, of the problems of a difficulty, or of all. */
export async function nextProblem(present: Line & { difficulty?: string | null | undefined }, read: (page: number, difficulty: string | undefined) => Promise<LinePage>): Promise<Line | null> {
  const at = DIFFICULTIES.indexOf(present.difficulty ?? '')
  const order = at < 0 ? [] : [...DIFFICULTIES.slice(at), ...DIFFICULTIES.slice(0, at).reverse()]
  // Not every problem has a difficulty.
  for (const difficulty of [...order, undefined]) {
    const found = await nextOf(present, (page) => read(page, difficulty))
    if (found !== null) return found
  }
  return null
}

async function nextOf(present: Line, read: (page: number) => Promise<LinePage>): Promise<Line | null> {
  const isAfter = (one: Line | undefined) => one !== undefined && keyOf(one) > keyOf(present)
  const isOther = (one: Line) => one.slug !== present.slug
  const first = await read(1)
  const page = async (at: number) => (at === 1 ? first : await read(at)).problems
  // The first page that ends after the present problem.
  let [low, high] = [1, first.pages]
  while (low < high) {
    const middle = Math.floor((low + high) / 2)
    if (isAfter((await page(middle)).at(-1))) high = middle
    else low = middle + 1
  }
  return (await page(low)).find(isAfter) ?? first.problems.find(isOther) ?? null
}
