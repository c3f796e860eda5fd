import { describe, expect, it } from 'vitest'
import type { Schema } from '../api/client'
import { playOf } from './play'
import { freshText, STARTERS } from './starters'

/** How each example finds that the input is empty. */
const AT_THE_END: Record<string, string> = {
  python: 'except EOFError',
  bash: '${name:-world}',
  c: 'scanf("%99s", name) != 1',
  cpp: 'if (!std::getline',
  java: 'hasNextLine() ?',
  javascript: "on('close'",
  rust: 'read_line(&mut name)? == 0',
  go: 'if lines.Scan()',
  typescript: "on('close'",
  csharp: 'Console.ReadLine() ??',
  kotlin: 'readlnOrNull() ?:',
  ruby: '$stdin.gets&.chomp ||',
  php: '$line === false ?',
  perl: '<STDIN> //',
  haskell: 'if isAtEnd',
  scala: 'getOrElse("world")',
  pascal: 'if eof then',
  lua: 'io.read() or',
  python2: 'except EOFError',
  dash: '${name:-world}',
  ksh: '${name:-world}',
  zsh: '${name:-world}',
}

describe.each(Object.entries(STARTERS))('the example in %s', (language_id, text) => {
  it('also runs without input, because the input is empty at first', () => {
    const { files, stdin } = playOf(freshText({ language_id, source_file: 'main' } as Schema['LanguageView']), 'main')
    expect([files, stdin]).toEqual([[{ path: 'main', text }], ''])
    expect(text).toContain(AT_THE_END[language_id])
    for (const part of ['Your name? ', 'world']) expect(text).toContain(part)
  })
})
