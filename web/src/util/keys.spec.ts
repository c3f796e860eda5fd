// Keys that a user has chosen for shortcuts.
import { expect, it } from 'vitest'
import { charactersOf, USUAL } from './keys'

it('stored characters are the keys of the actions, in their order', () => {
  expect(charactersOf('/fnpe?')).toEqual(['/', 'f', 'n', 'p', 'e', '?'])
  expect(charactersOf('ßü题😀e?')).toEqual(['ß', 'ü', '题', '😀', 'e', '?'])
})

it('without six different visible characters, the usual keys are valid', () => {
  for (const stored of [null, '', '/fjke', '/fjke?x', '/fjjke?', '/fj e?', '/fj\u0000e?', '/fj\u200be?']) expect(charactersOf(stored)).toEqual([...USUAL])
})
