// What a result says about its tests: which one to show first, and what its figures mean.
import type { Schema } from '../api/client'
import { isFailure, verdictOf } from './verdict'

type Result = Schema['SubmissionView']
export type ProblemTest = Schema['ProblemTestView']

/** Index of the test that is opened first: the first failure, otherwise the first test. */
export function firstToShow(tests: ProblemTest[]): number {
  const failed = tests.findIndex((test) => {
    const code = verdictOf(test.verdict)
    return code !== undefined && isFailure(code)
  })
  return Math.max(0, failed)
}

/** Number of the first failed test, from 1; `undefined`: none, or hidden. */
export function failedTest(result: Result): number | undefined {
  const tests = result.problem?.tests ?? []
  const test = tests[firstToShow(tests)]
  const code = verdictOf(test?.verdict)
  return test !== undefined && code !== undefined && isFailure(code) ? test.number : undefined
}

export const passed = (tests: ProblemTest[]): number => tests.filter((test) => test.verdict === 'AC').length
