import { expect, test } from 'vitest'
import { inOrder } from './language-order'

const names = (list: string[]) => inOrder(list.map((display_name) => ({ display_name }))).map((one) => one.display_name)

test('popular languages come first, with their standards and versions in order', () => {
  const mixed = ['Zsh 5.9', 'C++20 (Clang 14)', 'C23 (draft, GCC 12)', 'Ada 2012 (GNAT 12)', 'C++14', 'C11', 'C++20', 'Python 3.11', 'C99', 'C17', 'Python 3.9 (PyPy 7.3)']
  expect(names(mixed)).toEqual(['Python 3.9 (PyPy 7.3)', 'Python 3.11', 'C++14', 'C++20', 'C++20 (Clang 14)', 'C99', 'C11', 'C17', 'C23 (draft, GCC 12)', 'Ada 2012 (GNAT 12)', 'Zsh 5.9'])
})
