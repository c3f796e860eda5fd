import { describe, expect, it, test } from 'vitest'
import type { Schema } from '../api/client'
import { archiveName, boundedLimits, freshPath, isUnclosed, joinArgs, limitFaults, pathFault, playOf, playOfSnippet, previewOf, requestOf, snippetOf, splitArgs, textOf } from './play'

const limits = { cpu_time_ms: 10_000, wall_time_ms: 30_000, idle_time_ms: 15_000, memory_kb: 262_144 }
const most = { cpu_time_ms: 60_000, wall_time_ms: 180_000, idle_time_ms: 120_000, memory_kb: 2_097_152 }
const language = { language_id: 'python', limits, limits_max: most } as Schema['LanguageView']

describe('a draft of the playground', () => {
  it('survives storage', () => {
    const play = { files: [{ path: 'main.py', text: 'import a' }, { path: 'a.py', text: 'x' }], args: '"a b" c', stdin: '1\n' }
    expect(playOf(textOf(play), 'main.py')).toEqual(play)
  })

  it('shows in a preview everything by which two versions may differ', () => {
    const titles = { args: 'Arguments', input: 'Input' }
    expect(previewOf({ files: [{ path: 'main.py', text: 'a\n' }], args: '', stdin: '' }, titles)).toBe('a\n')
    const play = { files: [{ path: 'main.py', text: 'a\n' }, { path: 'b.py', text: 'b\n' }], args: '-v', stdin: '1\n' }
    expect(previewOf(play, titles)).toBe('a\n\n--- b.py ---\nb\n\n--- Arguments ---\n-v\n--- Input ---\n1\n')
  })

  it('that cannot be parsed becomes the main source', () => {
    expect(playOf('print(1)', 'main.py').files).toEqual([{ path: 'main.py', text: 'print(1)' }])
    for (const text of ['null', '[]', '{"files":7}', '{"files":[{"path":1}]}']) expect(playOf(text, 'main.py').files.length).toBe(1)
  })
})

describe('the name of a file', () => {
  it('is a relative path that no other file has', () => {
    const faults = ['a.py', 'lib/a.py', '', ' ', 'main.py', '/a', '../a', 'a//b', 'a/.', 'a\\b', 'a\nb', 'x'.repeat(1025)].map((path) => pathFault(path, ['main.py']))
    expect(faults).toEqual([undefined, undefined, 'empty', 'empty', 'taken', 'outside', 'outside', 'outside', 'outside', 'outside', 'outside', 'long'])
  })

  it('of a new file is unused', () => {
    expect(freshPath([{ path: 'main.py', text: '' }, { path: 'file1.py', text: '' }], 'py')).toBe('file2.py')
  })
})

describe('arguments', () => {
  it('are separated by spaces, and quotes and backslashes protect spaces', () => {
    expect(splitArgs(`  a "b c" 'd "e' f\\ g "" "h\\"i" $X * `)).toEqual(['a', 'b c', 'd "e', 'f g', '', 'h"i', '$X', '*'])
    expect(splitArgs('')).toEqual([])
    expect(splitArgs('"open end')).toEqual(['open end'])
    expect(['"open end', "it's", '"a" \'b\'', '\\"', undefined].map(isUnclosed)).toEqual([true, true, false, false, false])
  })
})

describe('a request', () => {
  const play = { files: [{ path: 'main.py', text: 'x' }, { path: 'a.txt', text: 'y' }], args: '-v', stdin: '1' }

  it('has the main source, the other files and the arguments', () => {
    expect(requestOf(language, play, boundedLimits(language, {}), false)).toEqual({
      language: 'python',
      source_code: 'x',
      files: [{ path: 'a.txt', content: 'y' }],
      args: ['-v'],
      input: '1',
      limits: { cpu_time_ms: 10_000, memory_kb: 262_144 },
    })
  })

  it('keeps within the maximums of the server', () => {
    const { limits } = requestOf(language, play, { cpuMs: 1e9, memoryKb: 1 }, false)
    expect(limits).toEqual({ cpu_time_ms: 60_000, memory_kb: 1024, wall_time_ms: 120_000 })
    expect(limitFaults(language, { cpuMs: 100_000_000, memoryKb: 1 })).toEqual({ cpuMs: [100, language.limits_max.cpu_time_ms], memoryKb: [1024, language.limits_max.memory_kb] })
    expect([limitFaults(language), limitFaults(language, { cpuMs: NaN, memoryKb: 2048 })]).toEqual([{}, {}])
    expect(boundedLimits(language, { cpuMs: NaN, memoryKb: Infinity })).toEqual({ cpuMs: 10_000, memoryKb: 262_144 })
  })

  it('has the options of the compiler if the language has one', () => {
    const compiled = { ...language, compiled: true }
    const withOptions = { ...play, compilerArgs: ' -O2 "-DNAME=a b"' }
    expect(requestOf(compiled, withOptions, boundedLimits(language, {}), false)).toMatchObject({ compiler_args: ['-O2', '-DNAME=a b'] })
    for (const [of, what] of [[language, withOptions], [compiled, play], [compiled, { ...play, compilerArgs: ' ' }]] as const) {
      expect(requestOf(of, what, boundedLimits(language, {}), false)).not.toHaveProperty('compiler_args')
    }
    expect(playOf(textOf(withOptions), 'main.py')).toEqual(withOptions)
  })

  it('has the patterns of the files to keep', () => {
    const keeps = { ...play, keep: ' *.png "a b/*"' }
    expect(requestOf(language, keeps, boundedLimits(language, {}), false)).toMatchObject({ artifacts: ['*.png', 'a b/*'] })
    expect(requestOf(language, { ...play, keep: ' ' }, boundedLimits(language, {}), false)).not.toHaveProperty('artifacts')
    expect(playOf(textOf(keeps), 'main.py')).toEqual(keeps)
  })

  it('of a terminal session may wait for input as long as the server permits', () => {
    expect(requestOf(language, play, boundedLimits(language, {}), true).limits).toMatchObject({ wall_time_ms: 180_000, idle_time_ms: 120_000 })
  })
})

test('arguments that are joined to a line are split into the same arguments', () => {
  for (const args of [[], ['a'], ['two words', ''], ["it's", '"', '\\', "'\\''"], ['\n', '\t x'], ['--a=b c']]) expect(splitArgs(joinArgs(args))).toEqual(args)
})

test('an argument with a space gets double quotes, and single quotes only if it contains a double quote or a backslash', () => {
  expect(joinArgs(['a b', "it's", 'say "x"', 'C:\\d'])).toBe(`"a b" "it's" 'say "x"' 'C:\\d'`)
})

test('a shared program is restored unchanged from its snippet', () => {
  const language = {
    language_id: 'python', source_file: 'main.py', limits: { cpu_time_ms: 10_000, memory_kb: 262_144 }, limits_max: { cpu_time_ms: 60_000, memory_kb: 1_048_576 },
  } as Schema['LanguageView']
  const play = { files: [{ path: 'main.py', text: 'x' }, { path: 'a/b', text: '' }], args: 'a "b c"', stdin: '1\n', keep: '*.png "a b/*"', title: '<b>Plots</b>', limits: { cpuMs: 1_500, memoryKb: 262_144 } }
  const request = snippetOf(language, play, true)
  expect(request.limits).toEqual({ cpu_time_ms: 1_500 })
  expect(request.artifacts).toEqual(['*.png', 'a b/*'])
  const view = { ...request, snippet_id: '', shared_at: '' } as Schema['SnippetView']
  expect(playOfSnippet(view, 'main.py')).toEqual({ ...play, isTerminal: true, limits: { cpuMs: 1_500 } })
  expect(playOf(textOf(play), 'main.py')).toEqual(play)
  // Without patterns, a title and a terminal, the request is that of earlier versions, and the link the same.
  const plain = snippetOf(language, { ...play, keep: ' ', title: ' ' }, false)
  expect([plain.artifacts, plain.title, plain.terminal]).toEqual([undefined, undefined, undefined])
  expect(playOf('{"files":[{"path":"a","text":""}],"title":"a\\tb\\n"}', 'main.py').title).toBe('a b ')
})

test('an archive has the name of the main file', () => {
  expect(archiveName({ files: [{ path: 'Main.java', text: '' }], args: '', stdin: '' })).toBe('Main.zip')
  expect(archiveName({ files: [{ path: 'src/main.rs', text: '' }], args: '', stdin: '' })).toBe('main.zip')
})
