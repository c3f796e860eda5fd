import { expect, it } from 'vitest'
import { languageName } from './language'

it('a language is shown with its name and the number of its version', () => {
  for (const [display_name, version, shown] of [
    ['Python 3.11', '3.11.2', 'Python 3.11.2'],
    ['Perl 5', '5.36.0', 'Perl 5.36.0'],
    ['jq 1.6', '1.6', 'jq 1.6'],
    ['C17', '12.2.0', 'C17 (GCC 12.2.0)'],
    ['C++20', 'gcc (Debian 12.2.0-14) 12.2.0', 'C++20 (GCC 12.2.0)'],
    ['C23 (draft, GCC 12)', '12.2.0', 'C23 (draft, GCC 12.2.0)'],
    ['C# (Mono 6.8)', '6.8.0.105', 'C# (Mono 6.8.0.105)'],
    ['AWK (GNU)', '5.2.1', 'AWK (GNU 5.2.1)'],
    ['Erlang (OTP 25)', '25', 'Erlang (OTP 25)'],
    ['Brainfuck', '12.2.0', 'Brainfuck 12.2.0'],
    ['Java 17', '21.0.1', 'Java 17 (21.0.1)'],
    ['Go 1.1', '1.19.8', 'Go 1.1 (1.19.8)'],
    ['Ada 2012 (GNAT 12)', '12.2.0', 'Ada 2012 (GNAT 12.2.0)'],
    ['Plain text', null, 'Plain text'],
  ] as const) {
    expect(languageName({ display_name, version })).toBe(shown)
  }
})
