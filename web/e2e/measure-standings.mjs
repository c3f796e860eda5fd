// Measures how standings of 300 teams and 13 problems scroll on a slow processor; for bench/README.md, not part of the tests.
//
//   node e2e/measure-standings.mjs        in web/, with the server built; the browser's processor is slowed down by 4
//
// The server and its contest are real. Only the rows are made here, since 300 registrations would be most of the work.
import { launch, visit } from './browser.mjs'
import { startServer } from './server.mjs'

const TEAMS = 300
const PROBLEMS = 13
const SLOWER = 4
const ROWS_PER_PAGE = 100
/** Steps of the wheel, from the first row to the last. */
const STEPS = 60

const server = await startServer()
const browser = await launch()
try {
  const key = /API key: (\S+)/.exec(server.said())[1]
  const call = async (method, path, body) => {
    const answer = await fetch(`${server.url}/api/v1${path}`, { method, headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' }, ...(body && { body: JSON.stringify(body) }) })
    if (!answer.ok) throw new Error(await answer.text())
    return answer.json()
  }
  const { problems } = await call('GET', `/problems?limit=${PROBLEMS}`)
  const starts = new Date(Date.now() - 3_600_000).toISOString()
  await call('POST', '/contests', { slug: 'large', title: 'Large', style: 'icpc', starts_at: starts, length_seconds: 18_000, public: true, problems: problems.map(({ slug }) => slug) })
  const standings = await call('GET', '/contests/large/standings')
  const cell = (team, at) => {
    const n = (team * 31 + at * 17) % 10
    return n < 4 ? { tries: 0, pending: 0, first: false } : n < 6 ? { tries: n, pending: 0, first: false } : { tries: n - 5, pending: 0, first: team === 0, solved_at_seconds: 600 + team + 60 * at }
  }
  const row = (team) => ({ rank: team + 1, username: `team-${team}`, kind: 'official', solved: 6, penalty_minutes: 300 + team, problems: standings.problems.map((_, at) => cell(team, at)) })

  const { page } = await visit(browser)
  let polls = 0
  await page.route('**/api/v1/contests/large/standings*', (route) => {
    const number = Number(new URL(route.request().url()).searchParams.get('page') ?? 1)
    if (number === 1) polls += 1
    const rows = Array.from({ length: ROWS_PER_PAGE }, (_, at) => row((number - 1) * ROWS_PER_PAGE + at))
    // Each poll brings one row that has changed.
    if (number === 1) rows[5].penalty_minutes += polls
    return route.fulfill({ json: { ...standings, rows, pagination: { page: number, limit: ROWS_PER_PAGE, total: TEAMS } } })
  })
  const slow = await page.context().newCDPSession(page)
  await slow.send('Emulation.setCPUThrottlingRate', { rate: SLOWER })
  await page.addInitScript(() => {
    window.tasks = []
    new PerformanceObserver((list) => window.tasks.push(...list.getEntries().map((task) => ({ at: task.startTime, ms: task.duration })))).observe({ type: 'longtask', buffered: true })
  })
  await page.goto(`${server.url}/contests/large?view=standings`)
  await page.getByRole('row').nth(10).waitFor({ state: 'attached' })
  await page.waitForTimeout(1_000)
  const shown = await page.evaluate(() => performance.now())
  const box = await page.getByRole('region', { name: 'Standings' }).boundingBox()
  await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2)
  const height = await page.getByRole('region', { name: 'Standings' }).evaluate((region) => region.scrollHeight)
  for (let step = 0; step < STEPS; step += 1) {
    await page.mouse.wheel(0, height / STEPS)
    await page.waitForTimeout(50)
  }
  // Two polls while nothing scrolls.
  const scrolled = await page.evaluate(() => performance.now())
  await page.waitForTimeout(7_000)
  const tasks = await page.evaluate(() => window.tasks)
  const worst = (from, to) => {
    const part = tasks.filter(({ at }) => at >= from && at < to)
    return { 'long tasks': part.length, 'longest, ms': Math.max(0, ...part.map(({ ms }) => ms)) }
  }
  console.table({ 'until shown': worst(0, shown), 'scrolling through': worst(shown, scrolled), 'refreshing': worst(scrolled, Infinity) })
} finally {
  await browser.close()
  await server.stop()
}
