// Measures scrolling in standings of 300 teams and 13 problems on a slow processor, for bench/README.md. It is not part
// of the tests.
//
//   node e2e/measure-standings.mjs        in web/, with the server built; the browser's processor is slowed down by 4
import { launch, visit } from './browser.mjs'
import { fillStandings, makeLarge } from './large-contest.mjs'
import { startServer } from './server.mjs'

const SLOWER = 4
/** Steps of the wheel, from the first row to the last. */
const STEPS = 60

const server = await startServer()
const browser = await launch()
try {
  const standings = await makeLarge(server)
  const { page, context } = await visit(browser)
  await fillStandings(page, standings)
  const slow = await context.newCDPSession(page)
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
