// Helper functions for a result: the test to show first, the message without what the heading says, and whether the program ran.
import type { Schema } from '../api/client'
import type { Mark } from './compiler'
import { milliseconds } from './format'
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

/** Whether the server has rounded up the time and memory of all tests together: hidden tests ran, and not for an author. */
export const hasRoundedFigures = (tests: Pick<ProblemTest, 'is_shown' | 'verdict'>[], isAuthor: boolean): boolean =>
  !isAuthor && tests.some(({ is_shown, verdict }) => !is_shown && verdict !== 'SK')

export const passed = (tests: ProblemTest[]): number => tests.filter((test) => test.verdict === 'AC').length

/** Number of tests that were not run, because an earlier test decided. */
export const notRun = (tests: Pick<ProblemTest, 'verdict'>[]): number => tests.filter((test) => test.verdict === 'SK').length

/** Length of the list without the tests at its end that were not run. */
export const shownLength = (tests: Pick<ProblemTest, 'verdict'>[]): number => tests.findLastIndex((test) => test.verdict !== 'SK') + 1

/**
 * Where a link to a line of the judged code leads. It leads to the editor if the editor has this code, or if the code was judged just now,
 * because the user then corrects it. Otherwise, it leads to the source of the opened submission, if there is one.
 */
export function placeOfLines(
  judged: { sent: string | undefined; sentIn: string | null | undefined; isAgain: boolean; isOpened: boolean },
  editor: { source: string; language: string },
): 'editor' | 'submission' | undefined {
  const { sent, sentIn, isAgain, isOpened } = judged
  if (sentIn === editor.language && (sent === editor.source || (!isAgain && !isOpened))) return 'editor'
  return isOpened ? 'submission' : undefined
}

/** A message that only repeats the exit code. */
const EXIT = /^(?:test \d+ of \d+: )?exit code \d+$/

/** The exit code with which a program ended by itself, without an exception; otherwise `undefined`. */
export function plainExit({ verdict, exit_code, signal, message }: Pick<Result, 'verdict' | 'exit_code' | 'signal' | 'message'>): number | undefined {
  const hasException = message != null && message !== '' && !EXIT.test(message)
  return verdict === 'RTE' && exit_code != null && exit_code !== 0 && signal == null && !hasException ? exit_code : undefined
}

/** A part of a message, with the line of the source that it names, if it does. */
export interface MessagePart {
  text: string
  line: number | undefined
  /** The file of the line, if the message names one. */
  file?: string | undefined
}

const LINE = /\((?:([\w./-]+), )?line (\d{1,6})\)/

/** The message of an exception, such as `IndexError: list index out of range (line 3)`, split so that its line can be a link. */
export function partsOf(message: string): MessagePart[] {
  const found = LINE.exec(message)
  if (found === null) return [{ text: message, line: undefined }]
  const parts = [
    { text: message.slice(0, found.index), line: undefined },
    { text: found[0], line: Number(found[2]), ...(found[1] !== undefined && { file: found[1] }) },
    { text: message.slice(found.index + found[0].length), line: undefined },
  ]
  return parts.filter(({ text }) => text !== '')
}

/** The mark of the line in which an exception ended the program, if the line is in this file. A message without a file is about the main file. */
export function exceptionMarks({ verdict, message }: Pick<Result, 'verdict' | 'message'>, path?: string, isMain = true): Mark[] {
  const text = messageOf({ message: message ?? null })
  const line = text === undefined ? undefined : partsOf(text).find((part) => part.line !== undefined && (part.file === undefined ? isMain : part.file === path))?.line
  return verdict === 'RTE' && text !== undefined && line !== undefined ? [{ line, column: undefined, severity: 'error', message: text }] : []
}

const compact = (text: string): string => text.replace(/\s+/g, '')

/**
 * The value that a function returned, if the message about its first difference has the whole value (`difference` in
 * crates/cupel-function/src/value.rs).
 */
export function returnedIn(message: string, expected: string): string | undefined {
  const found = /^expected (.+), got (.+?)(?: \(\d+ elements? instead of \d+\))?$/is.exec(message)
  const got = found?.[2]
  return got !== undefined && compact(found?.[1] ?? '') === compact(expected) && !got.endsWith('…') ? got : undefined
}

/** What the server puts before the message of the deciding test (`message_of` in crates/cupel-worker/src/problem.rs). */
const PLACE = /^test \d+ of \d+(?:: |$)/

/** The message of a result without the test's number, which the heading has; `undefined` if nothing else is left. */
export function messageOf(result: Pick<Result, 'message'>): string | undefined {
  const text = (result.message ?? '').replace(PLACE, '').trim()
  return text === '' ? undefined : sentence(text)
}

/**
 * A message of the judge as the page shows it. Messages begin with a small letter, but are shown as sentences; a first word that is not followed
 * by a space or a comma, such as `main.cpp:3`, is unchanged. A time limit has the unit that it has elsewhere on the page.
 */
export const sentence = (text: string): string =>
  (/^[a-z]+[ ,]/.test(text) ? text[0]?.toUpperCase() + text.slice(1) : text).replace(/\b(time limit of )(\d+) ms\b/i, (_, before, ms) => before + milliseconds(Number(ms)))

/** Whether the program ran. Otherwise the server reports 0 ms and 0 KiB. */
export const hasRun = (code: VerdictCode | undefined): boolean => code !== undefined && code !== 'CE' && code !== 'CLE'
