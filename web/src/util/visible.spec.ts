import { describe, expect, it } from 'vitest'
import { LINES_MAX, shortened, visible, visibleSpace } from './visible'

describe('text of programs', () => {
  it('shows control characters by their codes', () => {
    expect(visible('a\u0000b\u001b[31m\u007f')).toBe('a‹00›b‹1B›[31m‹7F›')
  })

  it('keeps line breaks and tabs', () => {
    expect(visible('a\n\tb')).toBe('a\n\tb')
  })

  it('shows characters that reorder or hide text', () => {
    expect(visible('a\u202eb\u200bc')).toBe('a‹U+202E›b‹U+200B›c')
  })

  it('shows spaces and tabs as symbols on request', () => {
    expect(visibleSpace('a b\t')).toBe('a·b→   ')
  })

  it('is bounded in the number and the length of lines', () => {
    const long = shortened(`${'x'.repeat(1_000_000)}\n${'y\n'.repeat(LINES_MAX * 2)}`)
    expect(long.cut).toBe(true)
    expect(long.text.split('\n')).toHaveLength(LINES_MAX)
    expect(long.text.length).toBeLessThan(10_000)
    expect(shortened('a\nb\n')).toEqual({ text: 'a\nb', cut: false })
  })
})
