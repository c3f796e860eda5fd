import { expect, test } from 'vitest'
import { wayBack } from './way-back'

test('the way back is a path of this site with its query', () => {
  expect(wayBack('/contests?view=past')).toEqual({ to: '/contests', search: { view: 'past' } })
  expect(wayBack(undefined)).toEqual({ to: '/problems', search: {} })
})

test('anything but a path of this site leads to the problems', () => {
  for (const then of ['//evil.example', 'https://evil.example/x', 'javascript:alert(1)', '/\\evil.example', ''])
    expect(wayBack(then)).toEqual({ to: '/problems', search: {} })
})
