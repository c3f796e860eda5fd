// Debian's headless Chromium, and the rules for every page: no console errors, no violation of the content security policy, no
// serious finding of axe-core, no horizontal scrolling, and no scrolling at all of a page that fills the window.
import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, statSync } from 'node:fs'
import { createRequire } from 'node:module'
import { basename, join } from 'node:path'
import { chromium } from 'playwright-core'

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
const DIST = new URL('../dist/assets/', import.meta.url).pathname

/** The rules of axe-core whose result depends on the colours of the page. */
const COLOR_RULES = ['color-contrast', 'link-in-text-block']

/** Rules of axe-core whose findings are minor or moderate, which `findings` does not report. Without them, a check takes a fifth less time. */
const LESSER_RULES = ['region', 'hidden-content', 'heading-order', 'focus-order-semantics', 'scope-attr-valid', 'landmark-banner-is-top-level', 'landmark-one-main', 'page-has-heading-one', 'landmark-unique']

/** Folder for screenshots of every screen; none by default. */
const SHOTS = process.env.SHOTS

/** Delay of every response, in ms; none by default. With it, a test fails that relies on a fast server. */
const LATE_MS = Number(process.env.LATE_MS ?? 0)

export const launch = () =>
  chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium-headless-shell', args: ['--no-sandbox', '--disable-dev-shm-usage'] })

/** Height of the window from which a page that fills it does not scroll: the bar at the top and the smallest panes (`.workspace`). */
const FILLED_FROM = 48 + 420

/**
 * Checks that the page is not wider than the window. If the page fills the window (`.workspace`), checks also that it is not higher, so
 * that only its panes scroll. The width is compared with `clientWidth`, because on phones `innerWidth` grows with the page.
 */
export async function checkSize(page, name) {
  const { over, below } = await page.evaluate((from) => {
    const { scrollWidth, clientWidth, scrollHeight } = document.documentElement
    const isFilled = document.querySelector('.workspace') !== null && innerHeight >= from
    return { over: scrollWidth - clientWidth, below: isFilled ? scrollHeight - innerHeight : 0 }
  }, FILLED_FROM)
  assert.ok(over <= 0, `${name} is ${over} px wider than the window`)
  assert.ok(below <= 0, `${name} fills the window, but is ${below} px higher`)
}

/** The serious findings of axe-core on a page or a frame. `rules` are the only rules to check; all by default. */
export async function findings(frame, rules) {
  if (!(await frame.evaluate(() => 'axe' in window))) await frame.evaluate(AXE)
  const lesser = Object.fromEntries(LESSER_RULES.map((rule) => [rule, { enabled: false }]))
  // No rule that is on reads style sheets (`preload`).
  const options = { resultTypes: ['violations'], preload: false, ...(rules === undefined ? { rules: lesser } : { runOnly: { type: 'rule', values: rules } }) }
  const { violations } = await frame.evaluate((options) => window.axe.run(options), options)
  const serious = violations.filter(({ impact }) => impact === 'serious' || impact === 'critical')
  return serious.map(({ id, nodes }) => `${id}: ${nodes.map((node) => `${node.target} ${node.failureSummary}`).join('; ')}`)
}

/** Opens a browser window for a new user, and records violations of the rules. */
export async function visit(browser, { theme = 'light', width = 1280, language = 'en', touch = width < 600 } = {}) {
  const context = await browser.newContext({
    colorScheme: theme,
    locale: language,
    viewport: { width, height: width < 600 ? 740 : 800 },
    hasTouch: touch,
    isMobile: touch,
    reducedMotion: 'reduce',
    permissions: ['clipboard-read', 'clipboard-write'],
  })
  const page = await context.newPage()
  if (LATE_MS > 0) {
    const session = await context.newCDPSession(page)
    await session.send('Network.enable')
    await session.send('Network.emulateNetworkConditions', { offline: false, latency: LATE_MS, downloadThroughput: -1, uploadThroughput: -1 })
  }
  const faults = []
  const scripts = new Set()
  // The browser reports an error response as a console error. A test may expect such a response.
  const isRefusal = (text) => /Failed to load resource: the server responded with a status of 4\d\d/.test(text)
  page.on('console', (message) => {
    if (message.type() === 'error' && !isRefusal(message.text())) faults.push(message.text())
    if (message.type() === 'warning' && /Content.Security.Policy/i.test(message.text())) faults.push(message.text())
  })
  page.on('pageerror', (error) => faults.push(String(error)))
  page.on('request', (request) => {
    if (/\/assets\/[^/]+\.js$/.test(request.url())) scripts.add(basename(new URL(request.url()).pathname))
  })
  /** Checks the page in the theme that is `shown`. `rules` are the only rules of axe-core to check; all by default. */
  const checkTheme = async (name, shown, rules) => {
    const found = await findings(page, rules)
    if (SHOTS !== undefined) {
      mkdirSync(SHOTS, { recursive: true })
      await page.screenshot({ path: join(SHOTS, `${name}-${shown}-${width}.png`) })
    }
    assert.deepEqual(found, [], `${name}, ${shown}, ${width} px`)
  }
  const isDark = () => page.evaluate(() => document.documentElement.classList.contains('dark'))
  /** Checks the page in the theme of the window and, unless a theme was chosen, the colours also in the other theme. */
  const check = async (name) => {
    await page.waitForFunction(() => document.fonts.status === 'loaded')
    // A list is dimmed while a newer one is loaded.
    await page.waitForFunction(() => document.querySelector('[aria-busy=true]') === null)
    await checkSize(page, name)
    const isChosen = await page.evaluate(() => localStorage.getItem('cupel.theme') !== null)
    await checkTheme(name, (await isDark()) ? 'dark' : 'light')
    if (isChosen) return
    const other = theme === 'dark' ? 'light' : 'dark'
    for (const next of [other, theme]) {
      await page.emulateMedia({ colorScheme: next })
      // Pages that the server itself renders, such as the password page, select the theme only by their style sheet.
      await page.waitForFunction((dark) => document.getElementById('root') === null || document.documentElement.classList.contains('dark') === dark, next === 'dark')
      if (next === other) await checkTheme(name, other, COLOR_RULES)
    }
  }
  const close = async () => {
    await context.close()
    assert.deepEqual(faults, [], 'errors in the console')
  }
  /** Bytes of the scripts that were requested, compressed with gzip. */
  const scriptBytes = () => [...scripts].reduce((sum, name) => sum + statSync(join(DIST, `${name}.gz`)).size, 0)
  return { page, context, check, close, scriptBytes, faults }
}

/** Selects the language of the code by searching the list for its id. */
export async function chooseLanguage(page, id) {
  await page.getByLabel('Language', { exact: true }).first().click()
  await page.getByRole('combobox', { name: 'Search languages' }).fill(id)
  await page.locator(`[role=option][data-language="${id}"]`).click()
  await page.getByRole('combobox', { name: 'Search languages' }).waitFor({ state: 'hidden' })
}
