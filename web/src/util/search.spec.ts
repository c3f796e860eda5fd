import { expect, test } from 'vitest'
import { accountSearch } from './search'

test('the page of a list is part of the address of the account, and the first page is not', () => {
  expect(accountSearch({ view: 'submissions', page: '3' })).toEqual({ view: 'submissions', page: 3 })
  expect(accountSearch({ view: 'programs', page: 1 })).toEqual({ view: 'programs' })
  expect(accountSearch({ view: 'none', page: 3 })).toEqual({})
})
