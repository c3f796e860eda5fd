// Requests that fail and scripts that are missing, as without a connection and after an upgrade of the server: the page stays, says what is
// missing, and goes on when the server answers again.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, before, test } from 'node:test'
import { chooseLanguage, launch } from './browser.mjs'
import { call, HOUR, makeContest, registered, submit, tokenOf, until, write } from './people.mjs'
import { startServer } from './server.mjs'

const SLUG = 'calm-water'
const RIGHT = readFileSync(new URL(`../../problems/${SLUG}/submissions/accepted/queues.py`, import.meta.url), 'utf8')
const WRONG = RIGHT.replace('begin + 1', 'begin + 7')

let server
let browser
before(async () => {
  ;[server, browser] = await Promise.all([startServer(), launch()])
})
after(async () => {
  await browser?.close()
  await server?.stop()
})

/** Removes what the browser says in the console about requests that a test lets fail, and what React says about the part that failed. */
const forgive = (faults) => faults.splice(0, faults.length, ...faults.filter((fault) => !/ERR_INTERNET_DISCONNECTED|ERR_FAILED|status of 50[23]|Failed to fetch|404 for http|a script of the page could not be loaded|WebSocket/.test(fault)))

const REQUEST_ID = '0123456789abcdef'
/** An answer of a server that is busy. */
const BUSY = {
  status: 503,
  contentType: 'application/problem+json',
  body: JSON.stringify({ type: '/errors/unavailable', code: 'unavailable', title: 'Unavailable', status: 503, detail: 'the store does not answer', request_id: REQUEST_ID }),
}

/** Answers the requests whose URLs match in place of the server, until `end` is called. */
async function intercept(page, url, answer) {
  const handler = (route) => (route.request().method() === 'GET' ? answer(route) : route.fallback())
  await page.route(url, handler)
  return { end: () => page.unroute(url, handler) }
}

const busy = (page, url) => intercept(page, url, (route) => route.fulfill(BUSY))
const missing = (page, name) => intercept(page, `**/assets/${name}-*.js`, (route) => route.abort())

const editor = (page) => page.getByRole('textbox', { name: /Source code/ })
/** The place of a part whose script is missing. */
const failedPart = (page) => page.getByRole('alert').filter({ hasText: 'This part of the page cannot be shown' })
/** The place of a part whose script is missing because there is no connection. */
const waitingPart = (page) => page.getByRole('status').filter({ hasText: 'You are offline; this loads when the connection is back.' })

/** Lets the submissions of the page be lost before they reach the server, until `end` is called. */
async function loseSubmissions(page) {
  const url = `**/problems/${SLUG}/submissions`
  const handler = (route) => (route.request().method() === 'POST' ? route.abort() : route.fallback())
  await page.route(url, handler)
  return { end: () => page.unroute(url, handler) }
}

/**
 * Lets the page ask for these paths as after an outage, until each had two answers with this status. The page asks again only after it has
 * handled the first answer.
 */
async function answeredTwice({ page, context }, status, paths) {
  const answers = paths.map(() => 0)
  page.on('response', (answer) => paths.forEach((path, at) => (answers[at] += answer.url().includes(path) && answer.status() === status ? 1 : 0)))
  await until('two answers', async () => {
    await context.setOffline(true)
    await context.setOffline(false)
    return answers.every((count) => count >= 2)
  })
}

const sentBy = async (name) => (await call(server, tokenOf(server, name), 'GET', '/submissions')).submissions.length

test('a refetch that fails keeps the editor and the code that waits to be submitted', async () => {
  const visitor = await registered(server, browser)
  const { page, context, check, close, name, faults } = visitor
  await page.clock.install()
  await page.goto(`${server.url}/problems/${SLUG}`)
  await chooseLanguage(page, 'python')
  await write(page, RIGHT)
  await context.setOffline(true)
  await page.getByRole('button', { name: 'Submit' }).click()
  const box = page.getByRole('alert').filter({ hasText: /Not submitted yet|The server has not confirmed your code/ })
  await box.waitFor()
  const [lost, problem, languages] = [await loseSubmissions(page), await busy(page, `**/problems/${SLUG}?*`), await busy(page, '**/api/v1/languages')]
  // The data of the page are outdated, so the browser asks for them when it is online again.
  await page.clock.fastForward('06:00')
  await answeredTwice(visitor, 503, ['/languages', `/problems/${SLUG}?`])
  await editor(page).filter({ hasText: 'begin + 1' }).waitFor()
  await box.waitFor()
  await check('refetch-failed')
  assert.equal(await sentBy(name), 0)
  // While the time of the page stands still, it does not send the code by itself. An attempt that has begun is lost before this request is
  // answered.
  await page.clock.pauseAt((await page.evaluate(() => Date.now())) + 30_000)
  await page.evaluate(() => fetch('/livez').then((answer) => answer.text()))
  for (const one of [lost, problem, languages]) await one.end()
  await box.getByRole('button', { name: 'Try again' }).click()
  await page.clock.resume()
  await page.locator('[data-verdict="AC"]').waitFor()
  assert.equal(await sentBy(name), 1)
  forgive(faults)
  await close()
})

test('code that the server has not confirmed is offered again after a reload and after a visit to another page', async () => {
  const { page, check, close, name, faults } = await registered(server, browser, { path: `/problems/${SLUG}` })
  const lost = await loseSubmissions(page)
  await submit(page, RIGHT)
  const box = page.getByRole('alert').filter({ hasText: 'The server has not confirmed your code' })
  await box.waitFor()
  await page.reload()
  await box.waitFor()
  await check('unsent-after-reload')
  await page.getByRole('link', { name: 'Playground' }).click()
  await page.getByRole('heading', { name: 'Playground' }).waitFor({ state: 'attached' })
  await page.goBack()
  await box.waitFor()
  assert.equal(await sentBy(name), 0)
  // The button disappears with its message. The focus stays in the result.
  const inResult = () => page.waitForFunction(() => document.activeElement.matches('#panel-drawer-result > *'))
  await box.getByRole('button', { name: 'Do not send it again' }).press('Enter')
  await page.getByText('Run your code on the samples, or submit it').waitFor()
  await inResult()
  await page.reload()
  await page.getByText('Run your code on the samples, or submit it').waitFor()
  await page.getByRole('button', { name: 'Submit' }).click()
  await box.waitFor()
  await page.reload()
  await box.waitFor()
  await lost.end()
  await box.getByRole('button', { name: 'Try again' }).press('Enter')
  await page.locator('[data-verdict="AC"]').waitFor()
  await inResult()
  assert.equal(await sentBy(name), 1)
  await page.reload()
  await page.locator('[data-verdict="AC"]').waitFor()
  forgive(faults)
  await close()
})

test('a problem that can no longer be read stays on an open page, with its editor', async () => {
  const visitor = await registered(server, browser)
  const { page, close, faults } = visitor
  await page.clock.install()
  await page.goto(`${server.url}/problems/${SLUG}`)
  await chooseLanguage(page, 'python')
  await write(page, RIGHT)
  const gone = { status: 404, contentType: 'application/problem+json', body: JSON.stringify({ type: '/errors/not-found', code: 'not-found', title: 'Not found', status: 404, detail: 'no such problem', request_id: REQUEST_ID }) }
  await intercept(page, `**/problems/${SLUG}?*`, (route) => route.fulfill(gone))
  await page.clock.fastForward('06:00')
  await answeredTwice(visitor, 404, [`/problems/${SLUG}?`])
  await editor(page).filter({ hasText: 'begin + 1' }).waitFor()
  assert.equal(await page.getByText('Problem not found').count(), 0)
  forgive(faults)
  await close()
})

test('if a gateway loses the answer to a submission, the same code is not taken twice', async () => {
  const { page, close, name, faults } = await registered(server, browser, { path: `/problems/${SLUG}` })
  const url = `**/problems/${SLUG}/submissions`
  const keys = []
  const losing = async (route) => {
    if (route.request().method() !== 'POST') return route.fallback()
    keys.push(route.request().headers()['idempotency-key'])
    await route.fetch()
    return route.fulfill({ status: 502, contentType: 'text/html', body: '<h1>502 Bad Gateway</h1>' })
  }
  await page.route(url, losing)
  await submit(page, RIGHT)
  await page.getByRole('alert').filter({ hasText: 'This did not work' }).waitFor()
  await page.unroute(url, losing)
  await page.getByRole('button', { name: 'Submit' }).click()
  await page.locator('[data-verdict="AC"]').waitFor()
  assert.deepEqual([keys.length, await sentBy(name)], [1, 1])
  forgive(faults)
  await close()
})

test('a run that the server has not confirmed can be run again, and no list is said to show it', async () => {
  const { page, close, faults } = await registered(server, browser, { path: `/problems/${SLUG}` })
  await chooseLanguage(page, 'python')
  await write(page, RIGHT)
  const url = `**/problems/${SLUG}/run`
  await page.route(url, (route) => route.abort())
  await page.getByRole('button', { name: 'Run', exact: true }).click()
  const box = page.getByRole('alert').filter({ hasText: 'The server has not confirmed your code' })
  await box.waitFor()
  // Changed code is not sent by itself.
  await write(page, `${RIGHT}\n`)
  await box.getByText('The connection was lost while the code was sent. Run it again.').waitFor()
  assert.equal(await box.getByText('list of submissions').count(), 0)
  await page.unroute(url)
  await box.getByRole('button', { name: 'Try again' }).click()
  await page.locator('[data-verdict="AC"]').waitFor()
  forgive(faults)
  await close()
})

test('an error of the server and a run do not withdraw the offer to send a submission again', async () => {
  const { page, close, name, faults } = await registered(server, browser, { path: `/problems/${SLUG}` })
  const url = `**/problems/${SLUG}/submissions`
  const failing = (route) => (route.request().method() === 'POST' ? route.fulfill(BUSY) : route.fallback())
  await page.route(url, failing)
  await submit(page, RIGHT)
  await page.getByRole('alert').filter({ hasText: 'The server is busy' }).waitFor()
  await page.unroute(url, failing)
  const box = page.getByRole('alert').filter({ hasText: 'The server has not confirmed your code' })
  await page.reload()
  await box.waitFor()
  await page.getByRole('button', { name: 'Run', exact: true }).click()
  await page.locator('[data-verdict="AC"]').waitFor()
  await page.reload()
  await box.waitFor()
  // The server has only the run.
  assert.equal(await sentBy(name), 1)
  await box.getByRole('button', { name: 'Try again' }).click()
  await page.locator('[data-verdict="AC"]').waitFor()
  assert.equal(await sentBy(name), 2)
  forgive(faults)
  await close()
})

test('a submission that waits for the connection is offered again after a run, and when a run is dropped', async () => {
  const { page, context, close, name, faults } = await registered(server, browser, { path: `/problems/${SLUG}` })
  await chooseLanguage(page, 'python')
  await write(page, RIGHT)
  await context.setOffline(true)
  await page.getByRole('button', { name: 'Submit' }).click()
  const submission = page.getByRole('alert').filter({ hasText: 'Not submitted yet' })
  const run = page.getByRole('alert').filter({ hasText: 'Not run yet' })
  await submission.waitFor()
  await page.getByRole('button', { name: 'Run', exact: true }).click()
  await run.getByRole('button', { name: 'Do not run' }).click()
  await submission.waitFor()
  await page.getByRole('button', { name: 'Run', exact: true }).click()
  await run.waitFor()
  await context.setOffline(false)
  await page.locator('[data-verdict="AC"]').waitFor()
  await submission.waitFor()
  // The server has only the run.
  assert.equal(await sentBy(name), 1)
  await submission.getByRole('button', { name: 'Try again' }).click()
  await submission.waitFor({ state: 'detached' })
  await page.locator('[data-verdict="AC"]').waitFor()
  assert.equal(await sentBy(name), 2)
  forgive(faults)
  await close()
})

test('a submission that is still judged is followed after a reload, although a gateway answers in place of the server', async () => {
  const { page, close, faults } = await registered(server, browser, { path: `/problems/${SLUG}` })
  await submit(page, RIGHT)
  await page.locator('[data-verdict="AC"]').waitFor()
  const away = await intercept(page, '**/api/v1/submissions/*', (route) => route.fulfill({ status: 502, contentType: 'text/html', body: '<h1>502 Bad Gateway</h1>' }))
  const answered = page.waitForResponse((answer) => answer.status() === 502)
  await page.reload()
  await answered
  await away.end()
  await page.locator('[data-verdict="AC"]').waitFor()
  forgive(faults)
  await close()
})

test('the notice of a missing script and the offline notice are both readable', async () => {
  for (const width of [1280, 360]) {
    const { page, context, check, close, faults } = await registered(server, browser, { width, path: `/problems/${SLUG}` })
    if (width < 900) await page.getByRole('tab', { name: 'Code' }).click()
    await editor(page).waitFor()
    await missing(page, 'Palette')
    await page.keyboard.press('Escape')
    await context.setOffline(true)
    const notices = [page.getByText('You are offline.'), page.getByRole('status').getByText('This part of the page cannot be shown')]
    await notices[0].waitFor()
    await page.getByRole('link', { name: 'Contests' }).focus()
    await page.keyboard.press('Control+k')
    await notices[1].waitFor()
    await check('notices')
    const [first, second] = await Promise.all(notices.map((one) => one.locator('..').boundingBox()))
    assert.ok(first.y + first.height <= second.y || second.y + second.height <= first.y, JSON.stringify([first, second]))
    // A reload without a connection would lose the page.
    assert.equal(await page.getByRole('button', { name: 'Reload the page' }).count(), 0)
    await context.setOffline(false)
    await notices[1].waitFor({ state: 'detached' })
    forgive(faults)
    await close()
  }
})

test('if the texts of a language cannot be loaded, a notice says so, and the language can be chosen again, also after a reload', async () => {
  const { page, close, faults } = await registered(server, browser)
  let gone = await missing(page, 'zh-CN')
  const choose = async () => {
    await page.keyboard.press('Control+k')
    await page.getByRole('combobox', { name: 'Problem, contest or command' }).fill('中文')
    await page.keyboard.press('Enter')
  }
  await choose()
  const notice = page.getByRole('status').getByText('This part of the page cannot be shown')
  await notice.waitFor()
  await gone.end()
  await page.getByRole('button', { name: 'Reload the page' }).click()
  await notice.waitFor({ state: 'detached' })
  await page.getByText('Calm Water').waitFor()
  // This script imports no other script.
  gone = await missing(page, 'zh-CN')
  await choose()
  await notice.waitFor()
  await gone.end()
  await choose()
  await page.getByRole('heading', { name: '题目', exact: true }).waitFor()
  await notice.waitFor({ state: 'detached' })
  forgive(faults)
  await close()
})

test('the language that was chosen last is shown, although the texts of another one arrive later', async () => {
  const { page, close } = await registered(server, browser)
  let release
  const held = new Promise((resolve) => (release = resolve))
  let address
  await page.route('**/assets/zh-CN-*.js', async (route) => {
    address = route.request().url()
    await held
    return route.continue()
  })
  const choose = async (name) => {
    await page.getByRole('button', { name: 'Theme, Language' }).click()
    await page.getByRole('menuitemradio', { name, exact: true }).click()
  }
  const requested = page.waitForRequest('**/assets/zh-CN-*.js')
  await choose('简体中文')
  await requested
  await choose('English')
  const arrived = page.waitForEvent('requestfinished', (request) => request.url() === address)
  release()
  await arrived
  // The page imports the script in the same order.
  await page.evaluate((url) => fetch(url).then((answer) => answer.arrayBuffer()).then(() => import(url)).then(() => new Promise((resolve) => setTimeout(resolve))), address)
  assert.deepEqual(await page.evaluate(() => [document.documentElement.lang, localStorage.getItem('cupel.language')]), ['en', 'en'])
  await page.getByRole('heading', { name: 'Problems', exact: true }).waitFor()
  await close()
})

test('if the script of a part is missing, an error with a button is in its place, and the editor stays', async () => {
  for (const [theme, width] of [['light', 1280], ['dark', 360]]) {
    const { page, check, close, faults } = await registered(server, browser, { theme, width, path: `/problems/${SLUG}` })
    const gone = await missing(page, 'DiffView')
    if (width < 900) await page.getByRole('tab', { name: 'Code' }).click()
    await submit(page, WRONG)
    await page.locator('[data-verdict="WA"]').waitFor()
    await failedPart(page).waitFor()
    await check('part-missing')
    if (width < 900) await page.getByRole('tab', { name: 'Code' }).click()
    await editor(page).filter({ hasText: 'begin + 7' }).waitFor()
    if (width < 900) await page.getByRole('tab', { name: 'Result' }).click()
    // The server of a later version does not have the script either.
    await gone.end()
    const upgraded = await intercept(page, '**/assets/DiffView-*.js', (route) => route.fulfill({ status: 404 }))
    await failedPart(page).getByRole('button', { name: 'Try again' }).click()
    await failedPart(page).waitFor()
    await upgraded.end()
    await failedPart(page).getByRole('button', { name: 'Try again' }).click()
    await page.getByText(/First difference in line/).waitFor()
    assert.equal(await failedPart(page).count(), 0)
    forgive(faults)
    await close()
  }
})

test('without a connection, a tab and a page that were never opened say that they wait for it, and are shown when it is back', async () => {
  const { page, context, check, close, faults } = await registered(server, browser, { path: `/problems/${SLUG}` })
  await chooseLanguage(page, 'python')
  await write(page, '# mine\n')
  await page.evaluate(() => (window.isSame = true))
  await context.setOffline(true)
  await page.getByRole('tab', { name: 'Submissions' }).click()
  await waitingPart(page).waitFor()
  await editor(page).filter({ hasText: '# mine' }).waitFor()
  await page.getByRole('link', { name: 'Contests' }).click()
  await page.waitForURL(`${server.url}/contests`)
  await waitingPart(page).waitFor()
  assert.equal(await failedPart(page).count(), 0)
  await check('page-missing')
  await page.goBack()
  await editor(page).filter({ hasText: '# mine' }).waitFor()
  await context.setOffline(false)
  await page.getByText('You have not submitted a solution yet').waitFor()
  await context.setOffline(true)
  await page.getByRole('link', { name: 'Contests' }).click()
  await waitingPart(page).waitFor()
  await context.setOffline(false)
  await page.getByRole('heading', { name: 'Contests', exact: true, level: 1 }).waitFor()
  assert.equal(await page.evaluate(() => window.isSame), true, 'the tab was not reloaded')
  forgive(faults)
  await close()
})

test('a button whose list cannot be loaded says so, and the next click opens the list', async () => {
  for (const [theme, width] of [['light', 1280], ['dark', 360]]) {
    const { page, check, close, faults } = await registered(server, browser, { theme, width, path: `/problems/${SLUG}` })
    if (width < 900) await page.getByRole('tab', { name: 'Code' }).click()
    await editor(page).waitFor()
    const gone = await missing(page, 'LanguageList')
    const picker = page.getByLabel('Language', { exact: true }).first()
    await picker.click()
    const notice = page.getByRole('status').getByText('This part of the page cannot be shown')
    await notice.waitFor()
    await page.getByRole('button', { name: 'Reload the page' }).waitFor()
    await check('list-missing')
    await page.getByRole('status').getByRole('button', { name: 'Close' }).click()
    await notice.waitFor({ state: 'detached' })
    await picker.click()
    await notice.waitFor()
    await gone.end()
    await chooseLanguage(page, 'python')
    // The notice goes when the script is loaded.
    await notice.waitFor({ state: 'detached' })
    forgive(faults)
    await close()
  }
})

test('as long as the server does not say who the user is, no editor is shown; the user\'s own code appears afterwards', async () => {
  for (const path of [`/problems/${SLUG}`, '/playground']) {
    const { page, check, close, faults } = await registered(server, browser, { path })
    await chooseLanguage(page, 'python')
    await write(page, '# my own code\n')
    const unknown = await busy(page, '**/api/v1/session')
    await page.reload()
    const box = page.getByRole('alert').filter({ hasText: 'The server is busy' })
    await box.waitFor()
    assert.equal(await editor(page).count(), 0)
    await check('session-unknown')
    await unknown.end()
    await box.getByRole('button', { name: 'Try again' }).click()
    await editor(page).filter({ hasText: '# my own code' }).waitFor()
    forgive(faults)
    await close()
  }
})

test('a list, a search and a line that could not be read say why, with the request id, and are read again at the button', async () => {
  await makeContest(server, 'busy', 'Busy Cup', -HOUR)
  const { page, check, close, faults } = await registered(server, browser, { path: '/problems' })
  const failed = (text) => page.getByRole('alert').filter({ hasText: text }).filter({ hasText: 'The server is busy' }).filter({ hasText: REQUEST_ID })
  /** Shows the error, then reads again. */
  const again = async (text, interception, name) => {
    await failed(text).waitFor()
    await check(name)
    await interception.end()
    await failed(text).getByRole('button', { name: 'Try again' }).click()
    await failed(text).waitFor({ state: 'detached' })
  }

  let unread = await busy(page, '**/problems?*tag_counts=true*')
  await page.getByRole('combobox', { name: 'Tags' }).click()
  await again('The tags could not be read', unread, 'tags-failed')
  await page.locator('[role=option]').first().waitFor()
  await page.keyboard.press('Escape')

  unread = await busy(page, '**/api/v1/contests?*')
  await page.getByRole('button', { name: 'Search and commands' }).click()
  await page.getByRole('combobox', { name: /Problem, contest/ }).fill('busy')
  await again('Problems and contests could not be loaded', unread, 'palette-failed')
  await page.getByRole('option', { name: 'Busy Cup' }).waitFor()
  await page.keyboard.press('Escape')

  await page.goto(`${server.url}/contests/busy`)
  await page.getByRole('button', { name: 'Take part' }).click()
  await page.getByText('You are taking part', { exact: true }).waitFor()
  unread = await busy(page, '**/api/v1/contests/busy?*')
  await page.goto(`${server.url}/problems/${SLUG}?contest=busy`)
  await again('the questions of the contest cannot be shown now', unread, 'contest-line-failed')
  await page.getByRole('link', { name: 'Busy Cup' }).waitFor()

  await page.goto(`${server.url}/problems/${SLUG}`)
  await chooseLanguage(page, 'python')
  await write(page, '# a version\n')
  unread = await busy(page, '**/drafts/python/revisions?*')
  await page.getByRole('button', { name: 'History' }).click()
  await again('The versions on the server cannot be read now', unread, 'versions-failed')
  forgive(faults)
  await close()
})

test('the button that reads a page or a part of it again leaves the focus there', async () => {
  const { page, close, faults } = await registered(server, browser, { path: '/problems' })
  for (const [path, url, place] of [
    [`/problems/${SLUG}`, `**/api/v1/problems/${SLUG}?*`, 'main'],
    ['/account?view=keys', '**/api/v1/auth/keys', 'section'],
  ]) {
    const unread = await busy(page, url)
    await page.goto(`${server.url}${path}`)
    const button = page.getByRole('main').getByRole('button', { name: 'Try again' })
    await button.waitFor()
    await unread.end()
    let release
    const held = new Promise((resolve) => (release = resolve))
    const late = await intercept(page, url, async (route) => {
      await held
      await route.continue()
    })
    await button.press('Enter')
    await button.waitFor({ state: 'detached' })
    await page.waitForFunction((place) => document.activeElement.matches(place), place)
    release()
    await page.getByText(place === 'main' ? 'Calm Water' : 'You have no API keys').first().waitFor()
    assert.equal(await page.evaluate((place) => document.activeElement.matches(place), place), true)
    await late.end()
  }
  forgive(faults)
  await close()
})

test('if the server is full, the playground says how long to wait', async () => {
  const { page, check, close } = await registered(server, browser)
  await page.routeWebSocket('**/api/v1/live*', (socket) => {
    socket.onMessage((text) => {
      const { id, type } = JSON.parse(text)
      const error = { status: 503, code: 'queue-full', title: 'The queue is full', detail: 'too many runs wait', request_id: REQUEST_ID }
      if (type === 'start') socket.send(JSON.stringify({ type: 'error', id, error, retry_after: 7 }))
    })
  })
  await page.goto(`${server.url}/playground`)
  await chooseLanguage(page, 'python')
  await write(page, 'print(1)\n')
  await page.getByRole('button', { name: 'Run', exact: true }).click()
  const box = page.getByRole('alert').filter({ hasText: 'The server is full' })
  await box.getByText('The server asks to wait for 7 seconds.').waitFor()
  await check('play-full')
  await close()
})

test('an hour later, Back from a problem shows the list at the same place at once', async () => {
  const { page, close } = await registered(server, browser, { width: 360 })
  await page.clock.install()
  await page.goto(`${server.url}/problems`)
  const row = page.getByRole('main').getByRole('listitem').last().getByRole('link').first()
  await row.scrollIntoViewIfNeeded()
  const place = await page.evaluate(() => scrollY)
  assert.ok(place > 0, 'the list is longer than the window')
  await row.click()
  await page.getByRole('tab', { name: 'Code' }).waitFor()
  await page.clock.fastForward('01:00:00')
  let answer
  const held = new Promise((resolve) => (answer = resolve))
  await intercept(page, '**/api/v1/problems?*', async (route) => {
    await held
    await route.continue()
  })
  await page.goBack()
  await row.waitFor()
  await page.waitForFunction((top) => scrollY === top, place)
  answer()
  await close()
})

test('a list without a connection says that it waits, and loads when the connection is back', async () => {
  const { page, context, close, faults } = await registered(server, browser, { path: '/contests' })
  await page.getByRole('heading', { name: 'Contests', level: 1 }).waitFor()
  // The browser has the scripts of the page; the data are requested again.
  await page.goto(`${server.url}/problems`)
  await page.getByText('Calm Water').waitFor()
  await context.setOffline(true)
  await page.getByRole('link', { name: 'Contests' }).click()
  await page.getByText('You are offline; this loads when the connection is back.').waitFor()
  await context.setOffline(false)
  await page.getByRole('heading', { name: 'Contests', level: 1 }).waitFor()
  await page.getByText('You are offline; this loads when the connection is back.').waitFor({ state: 'detached' })
  forgive(faults)
  await close()
})

test('an error whose texts cannot be loaded is shown without an error in the console', async () => {
  const { page, context, close, faults } = await registered(server, browser, { path: '/account?view=security' })
  await page.getByRole('heading', { name: 'Sessions' }).waitFor()
  await context.setOffline(true)
  await page.getByRole('link', { name: 'Progress' }).first().click()
  await waitingPart(page).waitFor()
  await page.getByRole('link', { name: 'API keys' }).first().click()
  await page.getByRole('alert').filter({ hasText: 'The server cannot be reached' }).first().waitFor()
  await page.waitForFunction(() => performance.getEntriesByType('resource').some(({ name }) => name.includes('/assets/errors-')))
  faults.splice(0, faults.length, ...faults.filter((fault) => !/ERR_INTERNET_DISCONNECTED/.test(fault)))
  await close()
})
