import { describe, expect, it, test } from 'vitest'
import { fileName, isPicture, patternFault, patternsOf, shortType, type Artifact } from './artifacts'

describe('the patterns of files to keep', () => {
  it('are separated by spaces, which quotes keep', () => {
    expect(patternsOf(' *.png  "a b/*.txt" ')).toEqual(['*.png', 'a b/*.txt'])
    expect(patternsOf(undefined)).toEqual([])
  })

  it('are relative, short and few', () => {
    const faults = ['', '*.png plots/**/*.svg', '/etc/*', '../*', 'a//b', 'a/', "''", 'x'.repeat(129), 'a/'.repeat(32) + 'a', '* '.repeat(17), '* '.repeat(16)]
    expect(faults.map(patternFault)).toEqual([undefined, undefined, 'outside', 'outside', 'outside', 'outside', 'outside', 'long', 'long', 'many', undefined])
  })
})

test('only content that the server found to be a picture is shown as one', () => {
  const file = (path: string, media_type: string | null): Artifact => ({ path, media_type, size_bytes: 1 }) as Artifact
  expect(isPicture(file('a', 'image/png'))).toBe(true)
  for (const type of ['image/svg+xml', 'text/plain; charset=utf-8', 'text/html', null]) expect(isPicture(file('a.png', type))).toBe(false)
})

test('a file is named without its folders and its type in one word', () => {
  expect([fileName('a/b/c.png'), fileName('c.png')]).toEqual(['c.png', 'c.png'])
  const types = ['image/png', 'application/pdf', 'application/x-tar', 'image/svg+xml', 'text/plain; charset=utf-8', 'application/octet-stream']
  expect(types.map(shortType)).toEqual(['png', 'pdf', 'tar', 'svg', undefined, undefined])
})
