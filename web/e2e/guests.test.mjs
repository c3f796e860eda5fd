// Visitors who run programs as guests, and who then register; and a server without guests.
import assert from 'node:assert/strict'
import { after, afterEach, before, test } from 'node:test'
import { chooseLanguage, closeVisits, launch, visit } from './browser.mjs'
import { PASSWORD, register, until, write } from './people.mjs'
import { startServer } from './server.mjs'
import { openTerminal, terminalShows, terminalText } from './terminal.mjs'

const SLUG = 'calm-water'

let server
let closed
let browser
before(async () => {
  // Programs of closed pages wait for input until their limits, and hold their slots.
  ;[server, closed, browser] = await Promise.all([startServer({ CUPEL_WORKER__SLOTS: '8' }), startServer({ CUPEL_AUTH__GUESTS: 'false' }), launch()])
})
after(async () => {
  await browser?.close()
  await server?.stop()
  await closed?.stop()
})
afterEach(async () => {
  await closeVisits(browser)
})

async function visitor(url, options) {
  const opened = await visit(browser, options)
  await opened.page.goto(url)
  return opened
}

/** Holds the request that makes a guest until `release`. `made()` is the number of such requests. */
async function heldGuests(page) {
  let release
  const held = new Promise((resolve) => (release = resolve))
  let made = 0
  await page.route('**/api/v1/auth/guest', async (route) => {
    made += 1
    await held
    await route.continue().catch(() => undefined)
  })
  return { release, made: () => made }
}

/** The starts of programs that the page sends on its live connections. */
function startsOf(page) {
  const starts = []
  page.on('websocket', (socket) => socket.on('framesent', ({ payload }) => String(payload).includes('"type":"start"') && starts.push(payload)))
  return starts
}

/** The runs on a problem that the page sends. */
function runsOf(page) {
  const runs = []
  page.on('request', (request) => request.url().endsWith(`/problems/${SLUG}/run`) && runs.push(request.headers()['idempotency-key']))
  return runs
}

/** Ends the session of the browser, as if its time was over. The page does not know it. */
const endSession = (page) => page.evaluate(() => fetch('/api/v1/session', { method: 'DELETE', headers: { 'x-cupel-site': '1' } }))

/** Opens the playground, or a problem, with a program in Python. */
async function withProgram(path, code, options) {
  const opened = await visitor(`${server.url}${path}`, options)
  if (options?.width < 600 && path !== '/playground') await opened.page.getByRole('tab', { name: 'Code' }).click()
  await chooseLanguage(opened.page, 'python')
  await write(opened.page, code)
  return opened
}

/** Removes the console's messages about requests without an answer, and about a refused handshake. */
const forgive = (faults) => faults.splice(0, faults.length, ...faults.filter((fault) => !/ERR_INTERNET_DISCONNECTED|ERR_FAILED|WebSocket connection to/.test(fault)))

const press = (page, name) => page.getByRole('button', { name, exact: true }).click()
const session = (page) => page.evaluate(async () => (await fetch('/api/v1/session')).json())
const verdict = (page, code) => page.locator(`[data-verdict="${code}"]`).waitFor()

/** Answers the program that asks for a name, and waits for its result. */
async function answerAda(page) {
  await page.keyboard.type('Ada')
  await page.keyboard.press('Enter')
  await terminalShows(page, /hello Ada/)
  await verdict(page, 'AC')
}

test('if Run is pressed before the terminal is loaded, what is typed then reaches the program', async () => {
  const { page, close } = await visitor(`${server.url}/playground`)
  await chooseLanguage(page, 'python')
  await write(page, 'print("hello", input("name? "))\n')
  await openTerminal(page)
  let load
  const isBegun = new Promise((resolve) => {
    load = resolve
  })
  await page.route(/\/assets\/Terminal-[^/]*\.js$/, async (route) => {
    await isBegun
    await route.continue()
  })
  await page.reload()
  await page.getByText('print("hello"').waitFor()
  await press(page, 'Run')
  await page.getByRole('button', { name: 'Stop', exact: true }).waitFor()
  assert.equal(await page.locator('[data-terminal]').count(), 0, 'the terminal is not loaded')
  load()
  await terminalShows(page, /name\?/)
  await answerAda(page)
  await close()
})

test('a visitor runs a program in the terminal, registers and keeps the code; the guest is then gone', async () => {
  const { page, context, check, close } = await visitor(`${server.url}/playground`)
  await chooseLanguage(page, 'python')
  await write(page, 'print("hello", input("name? "))\n')
  await openTerminal(page)
  assert.equal((await session(page)).guest, null, 'a guest is made by the first run')
  await press(page, 'Run')
  await terminalShows(page, /name\?/)
  await answerAda(page)
  const { guest, user } = await session(page)
  assert.equal(user, null)
  assert.ok(guest.user_id)
  await page.getByRole('link', { name: 'Sign in' }).first().waitFor()
  await check('playground-guest')
  // The next run belongs to the same guest, also after a reload.
  await page.reload()
  await page.getByText('print("hello"').waitFor()
  await press(page, 'Run')
  await terminalShows(page, /name\?/)
  await page.keyboard.press('Enter')
  await verdict(page, 'AC')
  assert.equal((await session(page)).guest.user_id, guest.user_id)
  const [before] = await context.cookies()

  await press(page, 'Share')
  await page.getByRole('alert').getByText('“Share” needs an account. Your code is kept.').waitFor()
  await page.getByRole('alert').getByRole('link', { name: 'Sign in' }).click()
  await page.getByRole('link', { name: 'Create an account' }).click()
  await page.getByRole('heading', { name: 'Create an account' }).waitFor()
  await register(page, 'newcomer')
  await page.waitForURL(/\/playground$/)
  await page.getByText('print("hello"').waitFor()
  const now = await session(page)
  assert.deepEqual([now.user.username, now.guest], ['newcomer', null])
  const of = await fetch(`${server.url}/api/v1/session`, { headers: { cookie: `cupel_session=${before.value}` } })
  assert.equal((await of.json()).guest, null, 'the session of the guest has ended')
  await press(page, 'Run')
  await terminalShows(page, /name\?/)
  await close()
})

for (const width of [1280, 360]) {
  test(`at ${width} px, a visitor runs code on the samples of a problem; Submit needs an account`, async () => {
    const { page, check, close } = await visitor(`${server.url}/problems/${SLUG}`, { width })
    if (width < 600) await page.getByRole('tab', { name: 'Code' }).click()
    await chooseLanguage(page, 'python')
    await write(page, 'print("wrong")\n')
    await press(page, 'Run')
    await verdict(page, 'WA')
    if (width < 600) await page.getByRole('tab', { name: 'Code' }).click()
    await press(page, 'Submit')
    await page.getByRole('alert').getByText('“Submit” needs an account. Your code is kept.').waitFor()
    await check('problem-guest')
    // If the guest has ended meanwhile, the next run makes another one.
    const { guest } = await session(page)
    await page.evaluate(() => fetch('/api/v1/session', { method: 'DELETE', headers: { 'x-cupel-site': '1' } }))
    assert.equal((await session(page)).guest, null)
    await write(page, 'import sys\nsys.exit(3)\n')
    await press(page, 'Run')
    await verdict(page, 'RTE')
    await until('another guest', async () => (await session(page)).guest?.user_id !== guest.user_id)
    await close()
  })
}

test('a visitor who registers in another tab is signed in in all tabs, and keeps the program that is being written', async () => {
  const { page, context, close } = await visitor(`${server.url}/playground`)
  await chooseLanguage(page, 'python')
  await write(page, 'print("hello", input("name? "))\n')
  await openTerminal(page)
  await press(page, 'Run')
  await terminalShows(page, /name\?/)
  const other = await context.newPage()
  await other.goto(`${server.url}/register`)
  await register(other, 'two-tabs')
  await other.waitForURL(/\/problems$/)
  await page.getByRole('button', { name: /two-tabs/ }).waitFor()
  await page.getByText('print("hello"').waitFor()
  await press(page, 'Run')
  await terminalShows(page, /name\?/)
  await answerAda(page)
  await close()
})

test('without guests, a visitor who runs code must sign in first, and keeps the code', async () => {
  const { page, check, close } = await visitor(`${closed.url}/playground`)
  await chooseLanguage(page, 'python')
  await write(page, 'print("mine")\n')
  await page.keyboard.press('Control+Enter')
  await page.getByText('“Run” needs an account. Your code is kept.').waitFor()
  await check('playground-visitor')
  await page.getByRole('link', { name: 'Sign in to run' }).click()
  await page.getByRole('link', { name: 'Create an account' }).click()
  // The page before has fields with similar names.
  await page.getByRole('heading', { name: 'Create an account' }).waitFor()
  await register(page, 'newcomer')
  await page.waitForURL(/\/playground$/)
  await page.getByText('print("mine")').waitFor()
  await page.getByRole('textbox', { name: /Source code/ }).click()
  await page.keyboard.press("Control+'")
  await page.getByLabel('Output', { exact: true }).getByText('mine').waitFor()
  await close()
})

test('without guests, the page of a problem says that running needs an account', async () => {
  const { page, close } = await visitor(`${closed.url}/problems/${SLUG}`)
  await page.getByText('Sign in to run and submit').waitFor()
  await page.getByText('You need an account to run and submit your code.').waitFor()
  assert.equal(await page.getByText('Run your code on the samples').count(), 0)
  await page.keyboard.press('Control+Enter')
  await page.getByRole('alert').getByText('Sign in to run and submit').waitFor()
  await close()
})

test('what a visitor types, and the size of the terminal, reach the program although the guest is made meanwhile', async () => {
  const { page, close } = await withProgram('/playground', 'import os, time\nname = input("name? ")\ntime.sleep(1)\nprint("hello", name, os.get_terminal_size().columns)\n')
  const guests = await heldGuests(page)
  const starts = startsOf(page)
  await openTerminal(page)
  await press(page, 'Run')
  await page.locator('.xterm.focus, .xterm-helper-textarea:focus').first().waitFor({ state: 'attached' })
  await page.keyboard.type('Ada')
  await page.keyboard.press('Enter')
  const width = await page.locator('.xterm-screen').evaluate((one) => one.clientWidth)
  await page.setViewportSize({ width: 1000, height: 800 })
  // The terminal takes its new size with the next frames.
  await page.waitForFunction((before) => document.querySelector('.xterm-screen').clientWidth < before, width)
  guests.release()
  await terminalShows(page, /hello Ada \d+/)
  await verdict(page, 'AC')
  const columns = async () => Number(/hello \w+ (\d+)/.exec(await terminalText(page))[1])
  const first = await columns()
  await press(page, 'Run')
  await terminalShows(page, /name\?/)
  await page.keyboard.type('Bob')
  await page.keyboard.press('Enter')
  await terminalShows(page, /hello Bob \d+/)
  assert.equal(first, await columns())
  assert.deepEqual([guests.made(), starts.length], [1, 2])
  await close()
})

test('in the playground, Stop and Run while the guest is made start one program of one guest', async () => {
  const { page, close } = await withProgram('/playground', 'print("first")\n')
  const guests = await heldGuests(page)
  const starts = startsOf(page)
  await page.getByRole('button', { name: 'Run', exact: true }).evaluate((button) => {
    button.click()
    button.click()
  })
  await press(page, 'Stop')
  await write(page, 'print("second")\n')
  await press(page, 'Run')
  guests.release()
  await page.getByLabel('Output', { exact: true }).getByText('second').waitFor()
  await verdict(page, 'AC')
  assert.deepEqual([guests.made(), starts.length], [1, 1])
  // The guest is known now, so that the next run does not ask for it.
  await press(page, 'Run')
  await until('the second run', () => starts.length === 2)
  await verdict(page, 'AC')
  assert.equal(guests.made(), 1)
  await close()
})

test('on the page of a problem, a run that another one has replaced while the guest is made is not sent', async () => {
  const { page, close } = await withProgram(`/problems/${SLUG}`, 'print("wrong")\n')
  const guests = await heldGuests(page)
  const runs = runsOf(page)
  await page.getByRole('button', { name: 'Run', exact: true }).evaluate((button) => {
    button.click()
    button.click()
  })
  await page.getByText('Sending').first().waitFor()
  guests.release()
  await verdict(page, 'WA')
  assert.deepEqual([guests.made(), runs.length], [1, 1])
  await close()
})

test('if the request for a guest gets no answer, the page says that the code was not run, and runs it later', async () => {
  const { page, close, faults } = await withProgram(`/problems/${SLUG}`, 'print("wrong")\n')
  await page.route('**/api/v1/auth/guest', (route) => route.abort())
  await press(page, 'Run')
  await page.getByRole('alert').getByText('Not run yet').waitFor()
  await page.unroute('**/api/v1/auth/guest')
  await verdict(page, 'WA')
  forgive(faults)
  await close()
})

test('without a connection, the first run of a visitor in the playground waits', async () => {
  const { page, context, close, faults } = await withProgram('/playground', 'print("at last")\n')
  await context.setOffline(true)
  await press(page, 'Run')
  await page.getByText('The program starts when the connection is back.', { exact: false }).waitFor()
  await context.setOffline(false)
  await page.getByLabel('Output', { exact: true }).getByText('at last').waitFor()
  await verdict(page, 'AC')
  forgive(faults)
  await close()
})

for (const path of ['/playground', `/problems/${SLUG}`]) {
  test(`if the guest has ended, the next run on ${path} belongs to another guest, and nothing says that a session has ended`, async () => {
    const { page, close, faults } = await withProgram(path, 'print("wrong")\n')
    const code = path === '/playground' ? 'AC' : 'WA'
    const keys = runsOf(page)
    await press(page, 'Run')
    await verdict(page, code)
    const { guest } = await session(page)
    await endSession(page)
    await write(page, 'print("other")\nimport sys\nsys.exit(3)\n')
    await press(page, 'Run')
    await verdict(page, 'RTE')
    assert.notEqual((await session(page)).guest.user_id, guest.user_id)
    assert.equal(await page.getByText('Your session has ended').count(), 0)
    if (path !== '/playground') assert.deepEqual([keys.length, keys[1]], [3, keys[2]], 'the refused run is repeated with its key')
    forgive(faults)
    await close()
  })
}

test('a program that runs while the guest ends is run again by another guest; after a reload, nothing is left of it', async () => {
  const { page, context, close, faults } = await withProgram('/playground', '# waits\n')
  // The server looks every few seconds whether the session has ended. The first run lasts longer than that, the second one only until the
  // same time. It prints, because a program that waits ends at the idle limit.
  const end = Date.now() / 1000 + 25
  await write(page, `import time\nprint("begun", flush=True)\nwhile time.time() < ${end}:\n    time.sleep(0.5)\n    print("...", flush=True)\nprint("over")\n`)
  const starts = startsOf(page)
  const begun = page.getByLabel('Output', { exact: true }).getByText('begun')
  await press(page, 'Run')
  await begun.waitFor()
  await endSession(page)
  await until('the program is started again', () => starts.length === 2)
  await page.getByLabel('Output', { exact: true }).getByText('over').waitFor()
  await verdict(page, 'AC')
  assert.deepEqual(starts.map((text) => JSON.parse(text).idempotency_key === JSON.parse(starts[0]).idempotency_key), [true, true])

  await write(page, 'import time\nfor n in range(50):\n    print(n, flush=True)\n    time.sleep(0.5)\n')
  await press(page, 'Run')
  await until('the run is stored', () => page.evaluate(() => sessionStorage.getItem('cupel.play-run') !== null))
  await context.clearCookies()
  await page.reload()
  await page.getByText('Run a program to see its output.').waitFor()
  assert.equal(await page.evaluate(() => sessionStorage.getItem('cupel.play-run')), null)
  forgive(faults)
  await close()
})

for (const path of ['/playground', `/problems/${SLUG}`]) {
  test(`if somebody has signed in in another tab, Run on ${path} makes the page that of the user, with the visitor's code`, async () => {
    const { page, context, close, faults } = await withProgram(path, 'print("of the visitor")\n')
    await press(page, 'Run')
    await page.locator('[data-verdict]').first().waitFor()
    const name = `second-${path.length}`
    const account = { username: name, email: `${name}@example.com`, password: PASSWORD }
    for (const [to, data] of [['auth/register', account], ['session', { username: name, password: PASSWORD }]]) {
      const answer = await context.request.post(`${server.url}/api/v1/${to}`, { data, headers: { 'x-cupel-site': '1', origin: server.url } })
      assert.ok(answer.ok(), `${to}: ${answer.status()} ${await answer.text()}`)
    }
    await press(page, 'Run')
    await page.getByRole('button', { name }).waitFor()
    await page.getByText('print("of the visitor")').waitFor()
    assert.equal(await page.getByText('Your session has ended').count(), 0)
    await press(page, 'Run')
    await verdict(page, path === '/playground' ? 'AC' : 'WA')
    forgive(faults)
    await close()
  })

  test(`if the server has no guests any more, Run on ${path} says that running needs an account; it says so too if there are too many`, async () => {
    const { page, close } = await withProgram(path, 'print("mine")\n')
    const refuse = (status, code, title) => page.route('**/api/v1/auth/guest', (route) => route.fulfill({ status, contentType: 'application/problem+json', body: JSON.stringify({ status, code, title, detail: title }) }))
    await refuse(429, 'too-many-attempts', 'Too many attempts')
    await press(page, 'Run')
    await page.getByText('Wait a moment, or sign in: with an account, you can run programs now. Your code is kept.').waitFor()
    await page.unroute('**/api/v1/auth/guest')
    await refuse(403, 'forbidden', 'Forbidden')
    await page.route('**/api/v1/session', async (route) => {
      const answer = await route.fetch()
      await route.fulfill({ response: answer, json: { ...(await answer.json()), guests_allowed: false } })
    })
    await press(page, 'Run')
    await page.getByText('Sign in to run').first().waitFor()
    assert.equal(await page.getByText('Ask an administrator').count(), 0)
    assert.equal(await page.getByText('Too many').count(), 0)
    await page.getByText('print("mine")').waitFor()
    await close()
  })
}

test('the notice that Submit needs an account is announced each time, and goes away with the next run', async () => {
  const { page, close } = await withProgram(`/problems/${SLUG}`, '')
  const alert = page.getByRole('alert')
  await press(page, 'Run')
  await alert.waitFor()
  await press(page, 'Submit')
  await alert.getByText('Your code is kept.').waitFor()
  assert.equal(await alert.count(), 1, 'the fault of the run has gone')
  await alert.evaluate((element) => (element.dataset.first = ''))
  await press(page, 'Submit')
  await page.locator('[role=alert]:not([data-first])').getByText('Your code is kept.').waitFor()
  await write(page, 'print("wrong")\n')
  await press(page, 'Run')
  await verdict(page, 'WA')
  assert.equal(await alert.count(), 0)
  await close()
})
