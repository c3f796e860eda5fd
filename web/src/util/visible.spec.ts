import { describe, expect, it } from 'vitest'
import { LINES_MAX, shortened, visible, visibleSpace, withoutOverrides } from './visible'

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

  it('keeps the joiners of emoji, and shows others', () => {
    for (const emoji of ['👨\u200d👩\u200d👧', '👩🏽\u200d💻', '❤️\u200d🔥']) expect(visible(emoji)).toBe(emoji)
    for (const text of ['a\u200db', '👨\u200d', '\u200d👨', '👨\u200d\u200d👩']) expect(visible(text), text).toContain('‹U+200D›')
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

describe('text of authors', () => {
  it('shows what reorders other text by its code', () => {
    expect(withoutOverrides('a\u202eb\u2066c\u2069')).toBe('a‹U+202E›b‹U+2066›c‹U+2069›')
    for (const code of [0x202a, 0x202b, 0x202c, 0x202d, 0x202e, 0x2066, 0x2067, 0x2068, 0x2069]) expect(withoutOverrides(String.fromCodePoint(code))).toBe(`‹U+${code.toString(16).toUpperCase()}›`)
  })

  it('keeps the marks of right-to-left scripts, joiners, and everything else', () => {
    const text = 'שלום\u200f (1)\u200e, نمی\u200cخواهم, 👩\u200d💻, \u00ad\ufeff\ttab\n'
    expect(withoutOverrides(text)).toBe(text)
  })
})
