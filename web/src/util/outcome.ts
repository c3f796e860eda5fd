// Helper functions for a result: the test to show first, the message without what the heading says, and whether the program ran.
import type { Schema } from '../api/client'
import { isFailure, verdictOf, type VerdictCode } from './verdict'

type Result = Schema['SubmissionView']
export type ProblemTest = Schema['ProblemTestView']

/** Index of the test that is shown first: the first failed test, otherwise the first test. */
export function firstToShow(tests: ProblemTest[]): number {
  const failed = tests.findIndex((test) => {
    const code = verdictOf(test.verdict)
    return code !== undefined && isFailure(code)
  })
  return Math.max(0, failed)
}

/** Number of the first failed test, from 1; `undefined` if no test failed or the failed test is hidden. */
export function failedTest(result: Result): number | undefined {
  const tests = result.problem?.tests ?? []
  const test = tests[firstToShow(tests)]
  const code = verdictOf(test?.verdict)
  return test !== undefined && code !== undefined && isFailure(code) ? test.number : undefined
}

/** Whether the server has rounded up the time and memory of all tests together: some tests are hidden, and not from an author. */
export const hasRoundedFigures = (tests: Pick<ProblemTest, 'is_shown'>[], isAuthor: boolean): boolean => !isAuthor && tests.some((test) => !test.is_shown)

export const passed = (tests: ProblemTest[]): number => tests.filter((test) => test.verdict === 'AC').length

/** What the server puts before the message of the deciding test (`message_of` in crates/cupel-worker/src/problem.rs). */
const PLACE = /^test \d+ of \d+(?:: |$)/

/** The message of a result without the test's number, which the heading has; `undefined` if nothing else is left. */
export function messageOf(result: Pick<Result, 'message'>): string | undefined {
  const text = (result.message ?? '').replace(PLACE, '').trim()
  return text === '' ? undefined : sentence(text)
}

/** Messages begin with a small letter, but are shown as sentences. A first word that is not followed by a space or a comma, such as `main.cpp:3`, is unchanged. */
export const sentence = (text: string): string => (/^[a-z]+[ ,]/.test(text) ? text[0]?.toUpperCase() + text.slice(1) : text)

/** Whether the program ran. Otherwise the server reports 0 ms and 0 KiB. */
export const hasRun = (code: VerdictCode | undefined): boolean => code !== undefined && code !== 'CE' && code !== 'CLE'
