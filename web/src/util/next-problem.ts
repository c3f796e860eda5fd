// The problem to solve next: in the order of the list of problems, the first unsolved one after the present one. After the last
// problem of the list comes the first.
import type { Schema } from '../api/client'

type Line = Pick<Schema['ProblemLineView'], 'slug' | 'title'>

/** A page of the unsolved problems, in the order of the list. */
export interface LinePage {
  problems: Line[]
  pages: number
}

/** The server's order of titles. Source: `title_key` in crates/cupel-store/src/sql/problems/write.rs. */
const keyOf = ({ title }: Line): string => title.toLowerCase()

/** `null` if no other problem is unsolved. `read` reads a page, from 1. */
export async function nextProblem(present: Line, read: (page: number) => Promise<LinePage>): Promise<Line | null> {
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
