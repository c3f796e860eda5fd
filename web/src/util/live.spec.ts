import { describe, expect, it } from 'vitest'
import { en } from '../i18n/en'
import { zhCN } from '../i18n/zh-CN'
import { phaseText, after, LIVE_TESTS_MAX, SENDING, type EventName, type Live } from './live'

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

  it('has a position only while it waits', () => {
    const waiting = after(after(SENDING, 'queued', { position: 3 }), 'queued', { position: 2 })
    expect([waiting.phase, waiting.position]).toEqual(['queued', 2])
    expect(after(waiting, 'queued', {}).position).toBeUndefined()
    const words = [1, 2, 3, 4, 11, 23].map((position) => phaseText(en.run.phases, 'queued', position))
    expect(words).toEqual(['Queued, 1st', 'Queued, 2nd', 'Queued, 3rd', 'Queued, 4th', 'Queued, 11th', 'Queued, 23rd'])
    expect(phaseText(zhCN.run.phases, 'queued', 3)).toBe('排队中，第 3 位')
    expect(phaseText(en.run.phases, 'queued', undefined)).toBe('Waiting for a free worker')
  })

  it('waits for an image as long as the event says so', () => {
    const waiting = after(SENDING, 'queued', { position: 1, pulling: 'course-python' })
    expect(phaseText(en.run.phases, waiting.phase as 'pulling', waiting.position)).toBe('Waiting for a container image')
    expect(after(waiting, 'queued', { position: 1 }).phase).toBe('queued')
  })

  it('fills one cell per test, in order', () => {
    const { tests } = run(['started'], ['test.start'], ['test.end', 'AC'], ['test.start'], ['test.end', 'WA'], ['test.start'])
    expect(tests.map((test) => test.verdict)).toEqual(['AC', 'WA', undefined])
  })

  it('discards the tests of a lost attempt', () => {
    expect(run(['started'], ['test.start'], ['test.end', 'AC'], ['started']).tests).toEqual([])
  })

  it('shows a bounded number of tests', () => {
    const many = Array.from({ length: LIVE_TESTS_MAX + 5 }, (): [EventName] => ['test.start'])
    expect(run(...many).tests).toHaveLength(LIVE_TESTS_MAX)
  })

  it('ignores the end of an unknown test', () => {
    expect(run(['test.end', 'AC']).tests).toEqual([])
  })
})
