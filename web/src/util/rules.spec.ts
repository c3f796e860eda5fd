// Small rules: parameters in URLs, verdicts from the server, compiler messages, and units.
import { describe, expect, it } from 'vitest'
import { ago, kibibytes, measured, milliseconds, percent } from './format'
import { lineNamed } from './compiler'
import { contestIn, contestSearch, listSearch, ownPath, problemSearch, TAGS_MAX, tagsOf } from './search'
import { familyOf, verdictOf, VERDICT_CODES } from './verdict'

describe('the filters in the URL', () => {
  it('drop unknown, malformed and default values', () => {
    expect(listSearch({ q: ' ', difficulty: 'nightmare', state: 'solved', sort: 1, page: '1', evil: 'x' })).toEqual({ state: 'solved' })
    expect(listSearch({ q: 'a'.repeat(200), page: '3' })).toEqual({ q: 'a'.repeat(100), page: 3 })
    expect(listSearch({ page: -1 })).toEqual({})
    expect(listSearch({ state: 'new' })).toEqual({ state: 'new' })
  })
})

describe('the tags in the URL', () => {
  it('are distinct and within the server\'s bounds', () => {
    expect(tagsOf(listSearch({ tag: 'graphs, trees,,graphs' }))).toEqual(['graphs', 'trees'])
    expect(tagsOf(listSearch({ tag: 'x'.repeat(60) }))).toEqual(['x'.repeat(40)])
    expect(tagsOf(listSearch({ tag: Array.from({ length: 50 }, (_, at) => `t${at}`).join(',') }))).toHaveLength(TAGS_MAX)
    expect([listSearch({ tag: ' , ' }), tagsOf({})]).toEqual([{}, []])
  })
})

describe('the contest in the URL', () => {
  it('must have an existing view and a valid name', () => {
    expect([contestSearch({ view: 'standings' }), contestSearch({ view: 'evil' })]).toEqual([{ view: 'standings' }, {}])
    expect([problemSearch({ view: 'code' }), problemSearch({ view: 'statement' })]).toEqual([{ view: 'code' }, {}])
    expect([problemSearch({ contest: 'spring-1' }), problemSearch({ contest: '../x' }), problemSearch({ contest: 7 })]).toEqual([{ contest: 'spring-1' }, {}, {}])
    const submission = '0197d5a0-1111-7222-8333-944455566677'
    expect([problemSearch({ submission }), problemSearch({ submission: '../x' }), problemSearch({ submission, contest: 'a' })]).toEqual([{ submission }, {}, { submission, contest: 'a' }])
  })

  it('is found in its address', () => {
    for (const typed of ['spring-1', ' Spring-1 ', 'https://judge.example/contests/spring-1?view=standings', '/contests/spring-1/']) expect(contestIn(typed)).toBe('spring-1')
    for (const typed of ['', 'https://judge.example/contests', 'spring 1', '../x']) expect(contestIn(typed)).toBeUndefined()
  })
})

describe('where sign-in leads', () => {
  it('is a path of this site only', () => {
    expect(ownPath('/problems/two-sum')).toBe('/problems/two-sum')
    for (const foreign of ['https://evil.example', '//evil.example', '/\\evil.example', 'javascript:alert(1)', '', 5, '/a b']) {
      expect(ownPath(foreign)).toBeUndefined()
    }
  })
})

describe('a verdict', () => {
  it('that this site does not know is not shown as a failure of the program', () => {
    expect(verdictOf('NEW')).toBe('JE')
    expect(verdictOf(null)).toBeUndefined()
  })

  it('is never shown in the colour of another family', () => {
    expect(familyOf('AC')).toBe('accepted')
    expect(VERDICT_CODES.filter((code) => familyOf(code) === 'accepted')).toEqual(['AC'])
    expect(familyOf('JE')).toBe('internal')
  })
})

describe('a compiler message', () => {
  it('links to the line that it names', () => {
    expect(lineNamed("main.cpp:3:5: error: expected ';'")).toBe(3)
    expect(lineNamed('  File "main.py", line 12')).toBe(12)
    expect(lineNamed(' --> src/main.rs:7:1:')).toBe(7)
    expect(lineNamed('Main.java:4: error: x')).toBe(4)
    expect(lineNamed('main.pas(9,2) Error: x')).toBe(9)
    expect(lineNamed('2 errors generated.')).toBeUndefined()
    expect(lineNamed('                 from main.cpp:3:')).toBe(3)
  })

  it('is not named by quoted source', () => {
    expect(['    time.sleep(1)', '    import time  # line 3', '3 |   os.path(4)', '    x = a.b[c.d(2):5]'].map((line) => lineNamed(line))).toEqual([undefined, undefined, undefined, undefined])
    expect(lineNamed('time.sleep(1', '          ^')).toBeUndefined()
    expect(lineNamed('import time')).toBeUndefined()
  })
})

describe('a figure', () => {
  it('has the most readable unit', () => {
    expect([milliseconds(12), milliseconds(1000), milliseconds(3400)]).toEqual(['12 ms', '1 s', '3.4 s'])
    expect([measured(12), measured(1000), measured(1104), measured(1112)]).toEqual(['12 ms', '1.00 s', '1.10 s', '1.11 s'])
    expect([kibibytes(512), kibibytes(2150), kibibytes(262_144)]).toEqual(['512 KiB', '2.1 MiB', '256 MiB'])
    expect([percent(1, 3), percent(0, 0)]).toEqual(['33 %', undefined])
    expect(ago('2026-01-01T00:00:00Z', Date.parse('2026-01-01T00:03:10Z'), 'en')).toBe('3 minutes ago')
    expect(ago('2026-01-01T00:00:05Z', Date.parse('2026-01-01T00:00:00Z'), 'en')).toBe('now')
  })
})
