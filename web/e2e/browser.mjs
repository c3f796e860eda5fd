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

/** Maximum time to wait for a condition, in ms. A wait ends as soon as its condition holds. */
export const PATIENCE_MS = 120_000

/** Folder for screenshots of every screen; none by default. */
const SHOTS = process.env.SHOTS

/** Delay of every response, in ms; none by default. With it, a test fails that relies on a fast server. */
const LATE_MS = Number(process.env.LATE_MS ?? 0)

/** Starts the browser. Its `close` also closes the windows of tests that have failed. */
export async function launch() {
  const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium-headless-shell', args: ['--no-sandbox', '--disable-dev-shm-usage'] })
  const end = browser.close.bind(browser)
  browser.close = async () => {
    await closeVisits(browser)
    await end()
  }
  return browser
}

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

/** Methods of a page whose effects outlast a visit. After such a call, the next visit gets a new window. */
const LASTING = ['addInitScript', 'exposeBinding', 'exposeFunction', 'on', 'once', 'route', 'routeWebSocket']

/** The windows of each browser that no visit uses, by the settings that a window keeps. */
const idle = new WeakMap()
/** The windows of each browser that a visit uses. */
const used = new WeakMap()

/** Opens a window. Its `recorded` has what the current visit records. */
async function open(browser, language, touch) {
  const context = await browser.newContext({
    locale: language,
    hasTouch: touch,
    isMobile: touch,
    reducedMotion: 'reduce',
    permissions: ['clipboard-read', 'clipboard-write'],
  })
  // Also for requests, for interceptions and for pages that a test opens.
  context.setDefaultTimeout(PATIENCE_MS)
  const page = await context.newPage()
  if (LATE_MS > 0) {
    const session = await context.newCDPSession(page)
    await session.send('Network.enable')
    await session.send('Network.emulateNetworkConditions', { offline: false, latency: LATE_MS, downloadThroughput: -1, uploadThroughput: -1 })
  }
  const opened = { context, page, recorded: undefined, isReusable: true }
  // The browser reports an error response as a console error. A test may expect such a response.
  const isRefusal = (text) => /Failed to load resource: the server responded with a status of 4\d\d/.test(text)
  page.on('console', (message) => {
    const { faults } = opened.recorded
    if (message.type() === 'error' && !isRefusal(message.text())) faults.push(message.text())
    if (message.type() === 'warning' && /Content.Security.Policy/i.test(message.text())) faults.push(message.text())
  })
  page.on('pageerror', (error) => opened.recorded.faults.push(String(error)))
  page.on('request', (request) => {
    const url = new URL(request.url())
    if (request.isNavigationRequest()) opened.recorded.origins.add(url.origin)
    if (/\/assets\/[^/]+\.js$/.test(url.pathname)) opened.recorded.scripts.add(basename(url.pathname))
  })
  for (const name of LASTING) {
    const method = page[name].bind(page)
    page[name] = (...given) => {
      opened.isReusable = false
      return method(...given)
    }
  }
  const { clock } = page
  Object.defineProperty(page, 'clock', { get: () => ((opened.isReusable = false), clock) })
  return opened
}

/** Removes everything that a visit has left in its window. Returns whether the window is like a new one. */
async function clear({ context, page, recorded, isReusable }) {
  const [origin, ...others] = recorded.origins
  if (!isReusable || origin === undefined || others.length > 0 || context.pages().length !== 1 || page.isClosed()) return false
  // This page of the origin has no scripts that store something.
  await page.goto(`${origin}/livez`)
  await page.evaluate(async () => {
    sessionStorage.clear()
    localStorage.clear()
    for (const { name } of await indexedDB.databases()) indexedDB.deleteDatabase(name)
  })
  await context.clearCookies()
  return true
}

/**
 * Closes a window. A test may still hold back an answer, and its handler then waits in vain. If this was an error outside of all tests, the
 * whole file would fail, which is not repeated as a flaky test is.
 */
async function shut({ context }) {
  for (const page of context.pages()) await page.unrouteAll({ behavior: 'ignoreErrors' })
  await context.close()
}

/** Closes the windows of all visits that have not ended, for instance of a test that failed. */
export async function closeVisits(browser) {
  for (const opened of used.get(browser) ?? []) await shut(opened)
  used.delete(browser)
}

/**
 * Opens a browser window for a new user, and records violations of the rules. The window may be that of an earlier visit, without anything
 * that this visit has left. This takes half of the processor time, because the site's scripts are compiled already.
 */
export async function visit(browser, { theme = 'light', width = 1280, language = 'en', touch = width < 600 } = {}) {
  const key = `${language} ${touch}`
  if (!idle.has(browser)) idle.set(browser, new Map())
  if (!used.has(browser)) used.set(browser, new Set())
  const windows = idle.get(browser)
  const opened = windows.get(key)?.pop() ?? (await open(browser, language, touch))
  used.get(browser).add(opened)
  const { context, page } = opened
  const faults = []
  const scripts = new Set()
  opened.recorded = { faults, scripts, origins: new Set() }
  await page.setViewportSize({ width, height: width < 600 ? 740 : 800 })
  page.setDefaultTimeout(PATIENCE_MS)
  await page.emulateMedia({ colorScheme: theme, media: null, forcedColors: null, contrast: null })
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
    used.get(browser)?.delete(opened)
    // If the server has ended, the window cannot be cleared.
    if (await clear(opened).catch(() => false)) windows.set(key, [...(windows.get(key) ?? []), opened])
    else await shut(opened)
    assert.deepEqual(faults, [], 'errors in the console')
  }
  /** Bytes of the scripts that were requested, compressed with gzip. */
  const scriptBytes = () => [...scripts].reduce((sum, name) => sum + statSync(join(DIST, `${name}.gz`)).size, 0)
  return {
    page,
    /** The window's context. A test that uses it may change it, so that the next visit gets a new one. */
    get context() {
      opened.isReusable = false
      return context
    },
    /** Sends requests with the cookies of the window. */
    request: context.request,
    check,
    close,
    scriptBytes,
    faults,
  }
}

/** Selects the language of the code by searching the list for its id. */
export async function chooseLanguage(page, id) {
  await page.getByLabel('Language', { exact: true }).first().click()
  await page.getByRole('combobox', { name: 'Search languages' }).fill(id)
  await page.locator(`[role=option][data-language="${id}"]`).click()
  await page.getByRole('combobox', { name: 'Search languages' }).waitFor({ state: 'hidden' })
}
