// Measures waiting times of users for bench/README.md. It is not part of the tests.
//
//   node e2e/measure-site.mjs        in web/, with the server built; the machine should be otherwise idle
//
// First contentful paint is measured with the browser's processor slowed down by 4, in a new window each time. Run and Submit of a
// Python program are measured in the page, from the click to the first event of the run and to the verdict on the screen, at full speed.
// The longest task of a page is its processor time on a processor that is slower by 4 than that of `calibration.mjs`.
import { chooseLanguage, launch } from './browser.mjs'
import { PATIENCE_MS, registered, write } from './people.mjs'
import { startServer } from './server.mjs'
import { longestTask } from './tasks.mjs'

const SLOWER = 4
const LOADS = 5
const RUNS = 20
const SLUG = 'calm-water'
/** The program ends at once, so that only the time of the judge and the page is measured. */
const CODE = 'print(0)\n'

const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]
const row = (values) => ({ 'median, ms': Math.round(median(values)), 'slowest, ms': Math.round(Math.max(...values)), times: values.length })

const server = await startServer()
const browser = await launch()
try {
  const table = {}
  for (const path of ['/problems', `/problems/${SLUG}`, '/playground', '/contests']) {
    const paints = []
    for (let loads = 0; loads < LOADS; loads += 1) {
      const context = await browser.newContext()
      const page = await context.newPage()
      page.setDefaultTimeout(PATIENCE_MS)
      const slow = await context.newCDPSession(page)
      await slow.send('Emulation.setCPUThrottlingRate', { rate: SLOWER })
      await page.goto(`${server.url}${path}`)
      await page.waitForFunction(() => performance.getEntriesByName('first-contentful-paint').length > 0)
      paints.push(await page.evaluate(() => performance.getEntriesByName('first-contentful-paint')[0].startTime))
      await context.close()
    }
    table[`first contentful paint of ${path}`] = row(paints)
    const tasks = []
    for (let loads = 0; loads < LOADS; loads += 1) {
      const context = await browser.newContext()
      const page = await context.newPage()
      page.setDefaultTimeout(PATIENCE_MS)
      const { longestMs } = await longestTask(browser, page, server.url, async () => {
        await page.goto(`${server.url}${path}`)
        await page.waitForLoadState('networkidle')
      })
      tasks.push(longestMs * SLOWER)
      await context.close()
    }
    table[`longest task of ${path}`] = row(tasks)
  }

  const { page } = await registered(server, browser)
  // Times of the events that the page receives.
  await page.addInitScript(() => {
    window.events = []
    const own = EventSource.prototype.addEventListener
    EventSource.prototype.addEventListener = function (name, listener, ...rest) {
      own.call(this, name, (event) => (window.events.push({ name, at: performance.now() }), listener.call(this, event)), ...rest)
    }
  })
  await page.goto(`${server.url}/problems/${SLUG}`)
  await chooseLanguage(page, 'python')
  await write(page, CODE)
  /** Presses the button RUNS times. Returns, for each run, the time until the result was shown and the time until the first event arrived. */
  const measure = async (button) => {
    const results = []
    const firsts = []
    for (let runs = 0; runs < RUNS; runs += 1) {
      const shown = page.evaluate(
        () =>
          new Promise((resolve) => {
            // The verdict of the run before goes before the next one appears.
            let began
            let hasGone = document.querySelector('[data-verdict]') === null
            window.events = []
            addEventListener('click', () => (began = performance.now()), { capture: true, once: true })
            const watch = new MutationObserver(() => {
              const now = document.querySelector('[data-verdict]')
              if (now === null) hasGone = true
              if (began === undefined || now === null || !hasGone) return
              watch.disconnect()
              resolve({ result: performance.now() - began, first: window.events[0].at - began })
            })
            watch.observe(document.body, { subtree: true, childList: true, attributes: true, attributeFilter: ['data-verdict'] })
          }),
      )
      await page.getByRole('button', { name: button, exact: true }).click()
      const { result, first } = await shown
      results.push(result)
      firsts.push(first)
    }
    return { results, firsts }
  }
  table['Run to the result on the screen'] = row((await measure('Run')).results)
  const { results, firsts } = await measure('Submit')
  table['Submit to the first event'] = row(firsts)
  table['Submit to the result on the screen'] = row(results)
  console.table(table)
} finally {
  await browser.close()
  await server.stop()
}
