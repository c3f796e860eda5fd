import { expect, test } from 'vitest'
import { inOrder } from './language-order'

const names = (list: string[]) => inOrder(list.map((display_name) => ({ display_name, version_of: null }))).map((one) => one.display_name)

test('popular languages come first, each with its newest standard or version first', () => {
  const mixed = ['Zsh 5.9', 'C++20 (Clang 14)', 'C23 (draft, GCC 12)', 'Ada 2012 (GNAT 12)', 'C++14', 'C11', 'C++20', 'Python 3.11', 'C99', 'C17', 'Python 3.9 (PyPy 7.3)']
  expect(names(mixed)).toEqual(['Python 3.11', 'Python 3.9 (PyPy 7.3)', 'C++20', 'C++20 (Clang 14)', 'C++14', 'C23 (draft, GCC 12)', 'C17', 'C11', 'C99', 'Ada 2012 (GNAT 12)', 'Zsh 5.9'])
})

test('the default version of a language comes first', () => {
  const versions = [
    { display_name: 'C++11', version_of: 'cpp' },
    { display_name: 'C++17', version_of: null },
    { display_name: 'C++20', version_of: 'cpp' },
  ]
  expect(inOrder(versions).map((one) => one.display_name)).toEqual(['C++17', 'C++20', 'C++11'])
})
