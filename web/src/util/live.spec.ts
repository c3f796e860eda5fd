import { describe, expect, it } from 'vitest'
import { after, LIVE_TESTS_MAX, SENDING, type EventName, type Live } from './live'

const run = (...events: [EventName, string?][]): Live =>
  events.reduce((live, [name, verdict]) => after(live, name, { verdict }), SENDING)

describe('a run while it is judged', () => {
  it('goes through its phases in order', () => {
    const phases: Live['phase'][] = []
    let live = SENDING
    for (const name of ['queued', 'started', 'compile.start', 'compile.end', 'test.start', 'verdict'] as const) {
      live = after(live, name, {})
      phases.push(live.phase)
    }
    expect(phases).toEqual(['queued', 'starting', 'compiling', 'starting', 'running', 'reading'])
  })

  it('fills one cell per test, in order', () => {
    const { tests } = run(['started'], ['test.start'], ['test.end', 'AC'], ['test.start'], ['test.end', 'WA'], ['test.start'])
    expect(tests.map((test) => test.verdict)).toEqual(['AC', 'WA', undefined])
  })

  it('forgets the tests of a lost attempt', () => {
    expect(run(['started'], ['test.start'], ['test.end', 'AC'], ['started']).tests).toEqual([])
  })

  it('shows a bounded number of tests', () => {
    const many = Array.from({ length: LIVE_TESTS_MAX + 5 }, (): [EventName] => ['test.start'])
    expect(run(...many).tests).toHaveLength(LIVE_TESTS_MAX)
  })

  it('ignores the end of a test that it does not know', () => {
    expect(run(['test.end', 'AC']).tests).toEqual([])
  })
})
