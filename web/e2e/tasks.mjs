// The longest task of a page, compared with a task of fixed work in the same window, so that a slow machine changes both.
//
// A task counts by the CPU time that its thread used, as the browser traces it. Other programs on the machine make it wait, but do not
// make it longer.
import assert from 'node:assert/strict'
import { calibration, REFERENCE_MS } from './calibration.mjs'

/** Number of calibrations, of which the median counts. */
const CALIBRATIONS = 3
const CALIBRATION_BEGINS = 'calibration'

/**
 * Acts, and returns the longest task meanwhile, in ms on the processor that needs `REFERENCE_MS` for the calibration. `url` is the
 * beginning of the page's URLs.
 */
export async function longestTask(browser, page, url, act) {
  await browser.startTracing(page, { categories: ['toplevel', 'disabled-by-default-devtools.timeline', 'devtools.timeline', '__metadata'] })
  await act()
  await page.evaluate((mark) => console.timeStamp(mark), CALIBRATION_BEGINS)
  for (let number = 0; number < CALIBRATIONS; number += 1) await page.evaluate(calibration(number))
  const { traceEvents } = JSON.parse((await browser.stopTracing()).toString())
  // The browser's own pages also have processes.
  const own = new Set(traceEvents.filter(({ args }) => String(args?.data?.url).startsWith(url)).map(({ pid }) => pid))
  const isMain = ({ name, args, pid }) => name === 'thread_name' && args.name === 'CrRendererMain' && own.has(pid)
  const threads = new Set(traceEvents.filter(isMain).map(({ pid, tid }) => `${pid}/${tid}`))
  const tasks = traceEvents.filter(({ name, tdur, pid, tid }) => /RunTask$/.test(name) && tdur !== undefined && threads.has(`${pid}/${tid}`))
  const marked = traceEvents.find(({ name, args }) => name === 'TimeStamp' && args?.data?.message === CALIBRATION_BEGINS)
  assert.ok(marked !== undefined, 'the browser traced no mark')
  const times = (of) => of.map(({ tdur }) => tdur / 1000).sort((a, b) => b - a)
  const [longest] = times(tasks.filter(({ ts }) => ts < marked.ts))
  const calibrations = times(tasks.filter(({ ts }) => ts > marked.ts))
  assert.ok(longest !== undefined && calibrations.length >= CALIBRATIONS, 'the browser traced too few tasks')
  const calibrationMs = calibrations[Math.floor(CALIBRATIONS / 2)]
  return { calibrationMs, longestMs: (longest / calibrationMs) * REFERENCE_MS }
}
