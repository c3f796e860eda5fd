import { expect, it } from 'vitest'
import { contestsOf, withContest } from './virtual'

it('the contests of virtual participations are kept, the latest first, up to a bound', () => {
  expect(contestsOf(null)).toEqual([])
  const texts = ['a', 'b', 'a', 'c', 'd', 'e', 'f'].reduce<string | null>((text, slug) => withContest(text, slug), null)
  expect(contestsOf(texts)).toEqual(['f', 'e', 'd', 'c', 'a'])
})
