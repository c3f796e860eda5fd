import { expect, test } from 'vitest'
import type { Schema } from '../api/client'
import { highlighting } from '../editor/languages'
import { baseOf, entryOf } from './base-language'
import { startOf } from './skeletons'
import { freshText } from './starters'

const FILES = import.meta.glob<string>('../../../languages/*.toml', { query: '?raw', import: 'default', eager: true })

const words = (text: string): string[] => [...text.matchAll(/"([^"]*)"/g)].map(([, word]) => word ?? '')
const field = (text: string, name: string): string => new RegExp(`^${name} *= *(.*)$`, 'm').exec(text)?.[1] ?? ''

const LANGUAGES = Object.entries(FILES).map(([path, text]) => ({
  id: /([^/]+)\.toml$/.exec(path)?.[1] ?? '',
  extensions: words(field(text, 'extensions')),
  extension: words(field(text, 'source'))[0]?.split('.').at(-1) ?? '',
  isListed: field(text, 'listed') !== 'false',
}))

/** Two languages whose files end alike. */
const UNRELATED = ['octave']

/** The language to which the extension of a dialect's source belongs. */
const DIALECTS = LANGUAGES.filter(({ id, extensions, isListed }) => isListed && extensions.length === 0 && !UNRELATED.includes(id)).map(
  ({ id, extension }) => [id, LANGUAGES.find(({ extensions }) => extensions.includes(extension))?.id ?? ''] as const,
)

test('the language files are found', () => {
  expect(LANGUAGES.length).toBeGreaterThan(80)
  expect(DIALECTS.map(([id]) => id)).toEqual(expect.arrayContaining(['cpp11', 'cpp20', 'cpp23', 'c-clang', 'c11', 'pypy', 'bun']))
})

/** Their files have an extension of their own. */
const NAMED = [['python2', 'python'], ['chez', 'scheme'], ['ksh', 'bash'], ['zsh', 'bash']] as const

test.each([...DIALECTS, ...NAMED])('%s is highlighted as %s', (id, base) => {
  expect(baseOf({ language_id: id })).toBe(base)
})

const HIGHLIGHTED = [...DIALECTS, ...NAMED].filter(([, base]) => highlighting(base) !== undefined)

test.each(HIGHLIGHTED)('%s has highlighting', async (id) => {
  expect(await highlighting(baseOf({ language_id: id }))).toBeDefined()
})

const withStart = (language: string) => startOf({ starter_code: [] }, { language_id: language })
const mainOf = (language: string) => (JSON.parse(freshText({ language_id: language, source_file: 'main' } as Schema['LanguageView'])) as { files: { text: string }[] }).files[0]?.text

test.each([...DIALECTS, ...NAMED].filter(([, base]) => withStart(base) !== ''))('%s has code to start from, as %s has', (id) => {
  expect(withStart(id)).not.toBe('')
  expect(mainOf(id)).not.toBe('')
})

test.each(['typescript', 'csharp', 'kotlin', 'ruby', 'php', 'perl', 'haskell', 'scala', 'pascal', 'lua'])('%s has code to start from', (id) => {
  expect([withStart(id), mainOf(id)]).not.toContain('')
})

test('a version in an image has what its language has', () => {
  expect(baseOf({ language_id: 'gcc-15', version_of: 'cpp' })).toBe('cpp')
  expect(baseOf({ language_id: 'gcc-16', version_of: 'cpp23' })).toBe('cpp')
  expect(startOf({ starter_code: [] }, { language_id: 'python-3.13', version_of: 'python' })).toBe(withStart('python'))
  expect(baseOf({ language_id: 'brainfuck', version_of: null })).toBe('brainfuck')
})

test('Python 2 and the shells have code of their own, because that of the base does not run there', () => {
  expect(withStart('python2')).toContain('raw_input()')
  for (const id of ['python2', 'dash', 'ksh', 'zsh']) expect(mainOf(id)).not.toBe(mainOf(baseOf({ language_id: id })))
  expect(entryOf({ python: 1, python2: 2 }, { language_id: 'python-2.7', version_of: 'python2' })).toBe(2)
})
