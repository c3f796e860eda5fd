// Helper functions for the tests of a result: the test to show first, and time and memory as shares of the limits.
import type { Schema } from '../api/client'
import { isFailure, verdictOf } from './verdict'

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

export const passed = (tests: ProblemTest[]): number => tests.filter((test) => test.verdict === 'AC').length
