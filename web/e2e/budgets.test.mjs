// Budgets of the pages: requests, bytes, and tasks that would be long on a slow processor.
//
// A task counts by the CPU time that its thread used, as the browser traces it. Other programs on the machine make it wait, but do not
// make it longer. How fast the machine is does not count either: the time is compared with that of a task of fixed work in the same window
// (`calibration.mjs`). `e2e/measure-site.mjs` measures times.
import assert from 'node:assert/strict'
import { statSync } from 'node:fs'
import { after, before, test } from 'node:test'
import { launch, visit } from './browser.mjs'
import { calibration, REFERENCE_MS } from './calibration.mjs'
import { fillStandings, makeLarge, TEAMS } from './large-contest.mjs'
import { PATIENCE_MS } from './people.mjs'
import { startServer } from './server.mjs'

/** How much slower the slow processor is than the one that needs `REFERENCE_MS` for the calibration. The goal there is 100 ms. */
const SLOWER = 4
/** Number of loads. A page fails only if each load has a task that is too long, because caches are empty at the first load. */
const LOADS = 3
/** Calibrations of a load, of which the median counts. */
const CALIBRATIONS = 3
const CALIBRATION_BEGINS = 'calibration'

const DIST = new URL('../dist/', import.meta.url)

let server
let browser
let standings
before(async () => {
  ;[server, browser] = await Promise.all([startServer(), launch()])
  standings = await makeLarge(server)
})
after(async () => {
  await browser?.close()
  await server?.stop()
})

/**
 * For each page: the element that appears when the page is complete, its maximum requests (all files, API calls, and kB
 * of compressed files), and the maximum duration of a task on the slow processor, in ms.
 */
const PAGES = [
  { name: 'list', path: '/problems', shown: (page) => page.getByRole('link', { name: 'Calm Water' }), requests: 20, calls: 2, kilobytes: 249, taskMs: 150 },
  { name: 'problem', path: '/problems/mountain-photo', shown: (page) => page.getByRole('textbox', { name: /Source code/ }), requests: 38, calls: 3, kilobytes: 570, taskMs: 150 },
  { name: 'playground', path: '/playground', shown: (page) => page.getByRole('textbox', { name: /Source code/ }), requests: 33, calls: 2, kilobytes: 453, taskMs: 150 },
  { name: 'standings', path: '/contests/large?view=standings', shown: (page) => page.getByRole('row').nth(10), requests: 26, calls: 5, kilobytes: 267, taskMs: 150 },
]

/** Loads a page in a new window. Returns the paths that it requested, and its longest task in ms on the slow processor. */
async function load({ path, shown }) {
  const { page, close } = await visit(browser)
  page.setDefaultTimeout(PATIENCE_MS)
  const paths = []
  page.on('request', (request) => paths.push(new URL(request.url()).pathname))
  await fillStandings(page, standings, false)
  await browser.startTracing(page, { categories: ['toplevel', 'disabled-by-default-devtools.timeline', 'devtools.timeline', '__metadata'] })
  await page.goto(`${server.url}${path}`)
  await shown(page).waitFor()
  await page.waitForLoadState('networkidle')
  await page.evaluate((mark) => console.timeStamp(mark), CALIBRATION_BEGINS)
  for (let number = 0; number < CALIBRATIONS; number += 1) await page.evaluate(calibration(number))
  const { traceEvents } = JSON.parse((await browser.stopTracing()).toString())
  await close()
  // The browser's own pages also have processes.
  const own = new Set(traceEvents.filter(({ args }) => String(args?.data?.url).startsWith(server.url)).map(({ pid }) => pid))
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
  return { paths, calibrationMs, longest: (longest / calibrationMs) * REFERENCE_MS * SLOWER }
}

const kilobytesOf = (path) => {
  const file = new URL(path === '/' || !/\.\w+$/.test(path) ? 'index.html' : path.slice(1), DIST)
  const isFont = path.endsWith('.woff2')
  return statSync(isFont ? file : new URL(`${file}.gz`)).size / 1000
}

for (const one of PAGES) {
  test(`the page ${one.name} keeps its budgets of requests, bytes and task durations`, async (t) => {
    const longest = []
    for (let loads = 0; loads < LOADS; loads += 1) {
      const found = await load(one)
      // A page that loads slowly asks for changing data more than once meanwhile.
      found.paths = [...new Set(found.paths)]
      const calls = found.paths.filter((path) => path.startsWith('/api/'))
      const kilobytes = found.paths.filter((path) => !path.startsWith('/api/')).reduce((sum, path) => sum + kilobytesOf(path), 0)
      if (loads === 0) {
        t.diagnostic(`${one.name}: ${found.paths.length} requests, ${calls.length} calls, ${kilobytes.toFixed(0)} kB`)
        assert.ok(found.paths.length <= one.requests, `${found.paths.length} requests; at most ${one.requests}: ${found.paths.join(' ')}`)
        assert.ok(calls.length <= one.calls, `${calls.length} calls; at most ${one.calls}: ${calls.join(' ')}`)
        assert.ok(kilobytes <= one.kilobytes, `${kilobytes.toFixed(0)} kB; at most ${one.kilobytes}`)
      }
      longest.push(found.longest)
      t.diagnostic(`${one.name}: the calibration took ${found.calibrationMs.toFixed(1)} ms`)
      if (found.longest <= one.taskMs) break
    }
    t.diagnostic(`${one.name}: longest task in each load ${longest.map((ms) => ms.toFixed(0)).join(', ')} ms on a slow processor`)
    assert.ok(Math.min(...longest) <= one.taskMs, `longest tasks ${longest.map((ms) => ms.toFixed(0)).join(', ')} ms; at most ${one.taskMs}`)
  })
}

test('only a few of 300 rows of the standings exist at a time, and the search shows the number of results', async () => {
  for (const theme of ['light', 'dark']) {
    const { page, check, close } = await visit(browser, { theme })
    page.setDefaultTimeout(PATIENCE_MS)
    await fillStandings(page, standings, false)
    await page.goto(`${server.url}/contests/large?view=standings`)
    await page.getByRole('row', { name: /team-0/ }).first().waitFor()
    const rows = await page.getByRole('row').count()
    assert.ok(rows < TEAMS / 4, `${rows} rows exist`)
    const field = page.getByRole('searchbox', { name: 'Find a participant' })
    await field.fill('team-29')
    // team-29 and team-290 to team-299.
    await page.getByRole('status').filter({ hasText: `11 of ${TEAMS} participants match` }).waitFor()
    await check('standings-search')
    await field.fill('nobody')
    await page.getByRole('status').filter({ hasText: 'No participant has “nobody” in the name.' }).waitFor()
    await check('standings-search-none')
    await field.fill('')
    await page.getByRole('row', { name: /team-0/ }).first().waitFor()
    assert.equal(await page.getByText('participants match').count(), 0)
    await close()
  }
})
