// Visitors who run programs as guests, and who then register; and a server without guests.
import assert from 'node:assert/strict'
import { after, afterEach, before, test } from 'node:test'
import { chooseLanguage, launch, visit } from './browser.mjs'
import { PATIENCE_MS, register, until, write } from './people.mjs'
import { startServer } from './server.mjs'

const SLUG = 'calm-water'

let server
let closed
let browser
before(async () => {
  ;[server, closed, browser] = await Promise.all([startServer(), startServer({ CUPEL_AUTH__GUESTS: 'false' }), launch()])
})
after(async () => {
  await browser?.close()
  await server?.stop()
  await closed?.stop()
})
afterEach(async () => {
  for (const context of browser.contexts()) await context.close()
})

async function visitor(url, options) {
  const opened = await visit(browser, options)
  opened.page.setDefaultTimeout(PATIENCE_MS)
  await opened.page.goto(url)
  return opened
}

const press = (page, name) => page.getByRole('button', { name, exact: true }).click()
const session = (page) => page.evaluate(async () => (await fetch('/api/v1/session')).json())
const verdict = (page, code) => page.locator(`[data-verdict="${code}"]`).waitFor()
const shows = (page, pattern) =>
  page.waitForFunction((source) => new RegExp(source, 's').test((document.querySelector('.xterm-rows')?.innerText ?? '').replaceAll('\u00a0', ' ')), pattern.source)

test('a visitor runs a program in the terminal, registers and keeps the code; the guest is then gone', async () => {
  const { page, context, check, close } = await visitor(`${server.url}/playground`)
  await chooseLanguage(page, 'python')
  await write(page, 'print("hello", input("name? "))\n')
  await page.getByRole('tab', { name: 'Terminal' }).click()
  await page.locator('[data-terminal] .xterm-rows').waitFor()
  assert.equal((await session(page)).guest, null, 'a guest is made by the first run')
  await press(page, 'Run')
  await shows(page, /name\?/)
  await page.keyboard.type('Ada')
  await page.keyboard.press('Enter')
  await shows(page, /hello Ada/)
  await verdict(page, 'AC')
  const { guest, user } = await session(page)
  assert.equal(user, null)
  assert.ok(guest.user_id)
  await page.getByRole('link', { name: 'Sign in' }).first().waitFor()
  await check('playground-guest')
  // The next run belongs to the same guest, also after a reload.
  await page.reload()
  await page.getByText('print("hello"').waitFor()
  await press(page, 'Run')
  await shows(page, /name\?/)
  await page.keyboard.press('Enter')
  await verdict(page, 'AC')
  assert.equal((await session(page)).guest.user_id, guest.user_id)
  const [before] = await context.cookies()

  await press(page, 'Share')
  await page.getByRole('alert').getByText('Sharing needs an account. Your code is kept.').waitFor()
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
  await shows(page, /name\?/)
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
    await page.getByRole('alert').getByText('Submitting needs an account. Your code is kept.').waitFor()
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

test('without guests, a visitor who runs code must sign in first, and keeps the code', async () => {
  const { page, check, close } = await visitor(`${closed.url}/playground`)
  await chooseLanguage(page, 'python')
  await write(page, 'print("mine")\n')
  await page.keyboard.press('Control+Enter')
  await page.getByText('Sign in to run programs. Your code is kept.').waitFor()
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
