// Marks for compiler messages.
import { describe, expect, it } from 'vitest'
import { fileNamed, isExcerpt, MARKS_MAX, marksOf, placeOfFile, type Mark } from './compiler'

const mark = (line: number, column: number | undefined, severity: Mark['severity'], message: string): Mark => ({ line, column, severity, message })

describe('the marks of an output', () => {
  const cases: [string, string, string, Mark[]][] = [
    ['GCC', 'main.cpp', "main.cpp: In function 'int main()':\nmain.cpp:4:3: error: 'x' was not declared in this scope\n    4 |   x();\n      |   ^\nmain.cpp:6:7: warning: unused variable 'y' [-Wunused]\n", [
      mark(4, 3, 'error', "'x' was not declared in this scope"),
      mark(6, 7, 'warning', "unused variable 'y' [-Wunused]"),
    ]],
    ['javac', 'Main.java', "Main.java:4: error: ';' expected\n    int x = 1\n             ^\n1 error\n", [mark(4, undefined, 'error', "';' expected")]],
    ['Go', 'main.go', './main.go:5:2: undefined: x\n', [mark(5, 2, 'error', 'undefined: x')]],
    ['Rust', 'main.rs', 'error[E0425]: cannot find value `x` in this scope\n --> main.rs:2:5\n  |\n2 |     x\n  |     ^ not found in this scope\n\nwarning: unused variable: `y`\n --> src/main.rs:3:9\n', [
      mark(2, 5, 'error', 'cannot find value `x` in this scope'),
      mark(3, 9, 'warning', 'unused variable: `y`'),
    ]],
    ['Python', 'main.py', '  File "main.py", line 3\n    print(\n         ^\nSyntaxError: \'(\' was never closed\n', [mark(3, undefined, 'error', "SyntaxError: '(' was never closed")]],
    ['Free Pascal', 'main.pas', 'main.pas(9,2) Error: Identifier not found "x"\nmain.pas(10) Fatal: There were 1 errors\n', [
      mark(9, 2, 'error', 'Identifier not found "x"'),
      mark(10, undefined, 'error', 'There were 1 errors'),
    ]],
    ['GHC', 'main.hs', 'main.hs:3:5: error: [GHC-88464]\n    Variable not in scope: x\n', [mark(3, 5, 'error', 'Variable not in scope: x')]],
  ]
  it.each(cases)('are those of %s', (_, file, output, expected) => {
    expect(marksOf(output, file)).toEqual(expected)
  })

  it('belong to the file that the message names', () => {
    expect(marksOf('lib.h:1:1: error: a\nsrc/main.c:2:1: error: b\n', 'main.c')).toEqual([mark(2, 1, 'error', 'b')])
    expect(marksOf('lib.h:1:1: error: a\n')).toHaveLength(1)
  })

  it('are bounded, and the same message is marked once', () => {
    expect(marksOf('main.c:1:1: error: a\nmain.c:1:1: error: a\n', 'main.c')).toHaveLength(1)
    expect(marksOf(Array.from({ length: 500 }, (_, at) => `main.c:${at + 1}:1: error: a`).join('\n'), 'main.c')).toHaveLength(MARKS_MAX)
    const [long] = marksOf(`main.c:1:1: error: ${'x'.repeat(1_000_000)}`, 'main.c')
    expect(long?.message.length).toBeLessThanOrEqual(500)
  })
})

it('a message belongs to the file that it names together with a line number', () => {
  const cases: [string, string | undefined][] = [
    ['my.h:4:17: error: x', 'my.h'],
    ['src/util.cpp:3:26: error: x', 'src/util.cpp'],
    ['In file included from main.cpp:1:', 'main.cpp'],
    [' --> src/lib.rs:3:9', 'src/lib.rs'],
    ['  File "helper.py", line 3', 'helper.py'],
    ['main.pas(9,2) Error: x', 'main.pas'],
    ['error in line 3', undefined],
    ['version 1.2', undefined],
  ]
  for (const [message, file] of cases) expect(fileNamed(message), message).toBe(file)
})

it('a compiler may name a file without its folder, or with one', () => {
  const files = ['main.cpp', 'lib/a.h', 'a.h'].map((path) => ({ path }))
  expect(['a.h', 'lib/a.h', './main.cpp', 'b.h'].map((path) => placeOfFile(files, path))).toEqual([2, 1, 0, -1])
})

describe('quoted source', () => {
  const excerpts = (output: string) => {
    const lines = output.split('\n')
    return lines.filter((line, at) => isExcerpt(line, lines[at + 1]))
  }

  it('is indented, numbered, or above a mark', () => {
    expect(excerpts("main.c:1:14: error: 'x' undeclared\n    1 | int y = x;\n      |         ^")).toEqual(['    1 | int y = x;', '      |         ^'])
    expect(excerpts('error[E0425]: cannot find value\n --> main.rs:2:5\n  |\n2 |     x\n  |     ^ not found')).toEqual([' --> main.rs:2:5', '  |', '2 |     x', '  |     ^ not found'])
    expect(excerpts("Main.java:4: error: ';' expected\nint x = 1\n         ^\n1 error")).toEqual(['int x = 1', '         ^'])
  })
})
