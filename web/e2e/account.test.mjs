// The account, the command palette and the administrator's page in a browser, against the real server.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, before, test } from 'node:test'
import { launch, visit } from './browser.mjs'
import * as people from './people.mjs'
import { PASSWORD, PATIENCE_MS } from './people.mjs'
import { startServer } from './server.mjs'

const SLUG = 'calm-water'
const RIGHT = readFileSync(new URL(`../../problems/${SLUG}/submissions/accepted/queues.py`, import.meta.url), 'utf8')

let server
let browser
before(async () => {
  ;[server, browser] = await Promise.all([startServer(), launch()])
})
after(async () => {
  await browser?.close()
  await server?.stop()
})

async function signIn(page, name, password) {
  await page.goto(`${server.url}/sign-in`)
  await page.getByLabel('User name or e-mail address').fill(name)
  await page.getByLabel('Password').fill(password)
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.getByRole('heading', { name: 'Problems', exact: true }).waitFor()
}

const registered = (options) => people.registered(server, browser, options)

const withKey = (key, method, path, body) =>
  fetch(`${server.url}/api/v1${path}`, { method, headers: { authorization: `Bearer ${key}`, ...(body && { 'content-type': 'application/json' }) }, ...(body && { body: JSON.stringify(body) }) })

/** Presses Tab until the element has the focus. */
async function tabTo(page, locator) {
  for (let presses = 0; presses < 60; presses += 1) {
    if (await locator.evaluate((element) => element === document.activeElement)) return
    await page.keyboard.press('Tab')
  }
  assert.fail('the keyboard does not reach the element')
}

test('after a change of the password, other sessions end and the old password is refused', async () => {
  const { page, check, close, name } = await registered()
  const other = await visit(browser)
  await signIn(other.page, name, PASSWORD)
  await page.getByRole('button', { name: `Account: ${name}` }).click()
  await page.getByRole('menuitem', { name: 'Account' }).click()
  await page.getByText('You have not solved a problem yet').waitFor()
  await check('account-new')
  await page.getByRole('link', { name: 'Security' }).click()
  await page.getByRole('button', { name: /^End the session Chrome/ }).waitFor()
  await check('account-security')
  const change = async (old, next) => {
    await page.getByLabel('Current password').fill(old)
    await page.getByLabel('New password').fill(next)
    await page.getByRole('button', { name: 'Change the password' }).click()
  }
  await change('something wrong', 'another good password')
  await page.getByText('This is not your current password.').waitFor()
  await check('account-wrong-password')
  await page.getByLabel('Current password').fill(PASSWORD)
  await page.getByText('This is not your current password.').waitFor({ state: 'detached' })
  await change(PASSWORD, 'another good password')
  await page.getByText('Your password is changed.').waitFor()
  await page.getByRole('button', { name: /^End the session/ }).waitFor({ state: 'detached' })

  await other.page.goto(`${server.url}/account`)
  await other.page.getByText('Sign in to see your account.').waitFor()
  await other.check('account-signed-out')
  await other.page.getByRole('link', { name: 'Sign in' }).last().click()
  await other.page.getByLabel('User name or e-mail address').fill(name)
  await other.page.getByLabel('Password').fill(PASSWORD)
  await other.page.getByRole('button', { name: 'Sign in' }).click()
  await other.page.getByText('The name or the password is wrong.').waitFor()
  await other.page.getByLabel('Password').fill('another good password')
  await other.page.getByRole('button', { name: 'Sign in' }).click()
  await other.page.getByRole('heading', { name }).waitFor()

  // This session ends the other session.
  await page.reload()
  await page.getByRole('button', { name: /^End the session Chrome/ }).click()
  await page.getByText('This device will be signed out.').waitFor()
  await page.getByRole('button', { name: 'End it' }).click()
  await page.getByText('The session has ended.').waitFor()
  await other.page.reload()
  await other.page.getByText('Sign in to see your account.').waitFor()
  await other.close()
  await close()
})

test('a user who is signed in does not see the forms for signing in and registering', async () => {
  const { page, close } = await registered()
  for (const path of ['sign-in', 'register']) {
    await page.goto(`${server.url}/${path}?then=/contests`)
    await page.waitForURL((url) => url.pathname === '/contests')
    await page.getByRole('heading', { name: 'Contests', exact: true }).waitFor()
  }
  await close()
})

test('an API key is shown once, has only its own rights, and can be revoked', async () => {
  const { page, check, close } = await registered({ theme: 'dark', path: '/account?view=keys' })
  await page.getByText('You have no API keys').waitFor()
  await page.getByText(/Runs and submissions, up to \d+ at once and 300 a minute/).waitFor()
  await check('account-keys-empty')
  // Rights that only authors and administrators have are not offered.
  assert.equal(await page.getByRole('checkbox').count(), 3)
  const name = 'laptop <b>\u202e'
  await page.getByLabel('Name', { exact: true }).fill(name)
  for (const box of await page.getByRole('checkbox').all()) await box.uncheck()
  await page.getByRole('button', { name: 'Create a key' }).click()
  await page.getByText('Choose at least one right.').waitFor()
  await page.getByRole('checkbox', { name: 'runs:read' }).check()
  await page.getByRole('button', { name: 'Create a key' }).click()
  await page.getByText('it is shown only this once').waitFor()
  await check('account-key-made')
  const key = await page.locator('code', { hasText: 'cup_' }).innerText()
  await page.getByRole('button', { name: 'Copy The key' }).click()
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), key)
  assert.equal((await withKey(key, 'GET', '/auth/me')).status, 200)
  assert.equal((await withKey(key, 'POST', '/execute', { language: 'python', source_code: 'print(1)' })).status, 403)
  await page.getByRole('button', { name: 'Done' }).click()
  await page.locator('code', { hasText: 'cup_' }).waitFor({ state: 'hidden' })
  assert.ok(!(await page.content()).includes(key), 'the key stays nowhere in the page')
  // A name shows a directional override as its code.
  await page.getByRole('button', { name: 'Revoke the key laptop <b>‹U+202E›' }).click()
  await page.getByText('Programs that use this key will stop working.').waitFor()
  await check('account-key-revoke')
  await page.getByRole('button', { name: 'Revoke it' }).click()
  await page.getByText('1 key that has ended').waitFor()
  assert.equal((await withKey(key, 'GET', '/auth/me')).status, 401)
  await close()
})

test('a solved problem is counted in the progress by difficulty, tag and day', async () => {
  const { page, check, close } = await registered()
  const sent = await page.evaluate(
    async ([slug, source]) => {
      const headers = { 'content-type': 'application/json', 'x-cupel-site': '1' }
      const answer = await fetch(`/api/v1/problems/${slug}/submissions?wait=30`, { method: 'POST', headers, body: JSON.stringify({ language: 'python', source_code: source }) })
      return answer.status
    },
    [SLUG, RIGHT],
  )
  assert.ok(sent < 300, `the submission was refused with ${sent}`)
  // The response came when the submission was judged.
  await page.goto(`${server.url}/account`)
  await page.getByText('problem solved', { exact: true }).waitFor()
  await page.getByText('1 problem solved for the first time, on 1 day').waitFor()
  await page.getByText(/^1 of \d+$/).first().waitFor()
  await check('account-progress')
  await page.getByRole('link', { name: /1 of \d+/ }).first().click()
  await page.waitForURL(/tag=/)
  await page.getByText('Calm Water').waitFor()
  await close()
})

test('the command palette finds problems, pages and settings, with the keyboard only', async () => {
  const { page, check, close, scriptBytes } = await registered()
  const before = scriptBytes()
  const box = page.getByRole('combobox', { name: /^(Problem, contest, page or command|题目、比赛、页面或命令)$/ })
  const open = async () => {
    await page.keyboard.press('Control+k')
    await box.and(page.locator(':focus')).waitFor()
  }
  await open()
  assert.ok(scriptBytes() > before, 'the palette is loaded when it is opened')
  await check('palette')
  await page.keyboard.type('calm wat')
  await page.getByRole('option', { name: 'Calm Water' }).waitFor()
  await check('palette-found')
  await page.keyboard.press('Enter')
  await page.getByRole('heading', { name: 'Calm Water', level: 1 }).waitFor()
  // The editor has the focus. The palette opens above the editor, and Escape returns the focus to it.
  await page.getByRole('textbox', { name: /Source code/ }).click()
  await open()
  await page.keyboard.press('Escape')
  await box.waitFor({ state: 'detached' })
  await open()
  await page.keyboard.type('dark')
  await page.keyboard.press('Enter')
  await page.waitForFunction(() => document.documentElement.classList.contains('dark'))
  await open()
  await page.keyboard.type('no such thing at all')
  await page.getByText('Nothing matches').waitFor()
  await check('palette-none')
  await page.keyboard.press('Control+a')
  await page.keyboard.type('play')
  await page.getByRole('option', { name: 'Playground' }).waitFor()
  await page.keyboard.press('Enter')
  await page.waitForURL(/\/playground/)
  await open()
  // The entries of the account's menu.
  for (const [typed, name] of [['submissions', 'Your submissions'], ['share', 'Shared programs'], ['password', 'Password and sessions'], ['api k', 'API keys'], ['sign o', 'Sign out']]) {
    await page.keyboard.press('Control+a')
    await page.keyboard.type(typed)
    await page.getByRole('option', { name, exact: true }).waitFor()
  }
  await page.keyboard.press('Control+a')
  await page.keyboard.type('submissions')
  await page.keyboard.press('Enter')
  await page.waitForURL(/\/account\?view=submissions$/)
  await open()
  await page.keyboard.type('中文')
  await page.keyboard.press('Enter')
  await page.getByRole('link', { name: '题目' }).first().waitFor()
  await open()
  await page.keyboard.type('退出')
  await page.keyboard.press('Enter')
  await page.getByRole('link', { name: '登录' }).first().waitFor()
  await close()
})

test('the list of shortcuts includes the command palette', async () => {
  const { page, check, close } = await visit(browser)
  await page.goto(`${server.url}/problems`)
  await page.getByRole('heading', { name: 'Problems', exact: true }).waitFor()
  await page.keyboard.press('?')
  await page.getByText('Search, and change settings').waitFor()
  // No element of the page covers the list.
  const isCovered = await page.getByRole('dialog').evaluate((dialog) => {
    const { left, right, top, bottom } = dialog.getBoundingClientRect()
    const at = (share) => document.elementFromPoint(left + share * (right - left), top + share * (bottom - top))
    return Array.from({ length: 99 }, (_, n) => at((n + 1) / 100)).some((element) => !dialog.contains(element))
  })
  assert.equal(isCovered, false)
  await check('shortcuts')
  await close()
})

test('the first start gives the administrator a link, and the administrator sees the state of the server', async () => {
  const visitor = await visit(browser)
  const { page, check, close } = visitor
  page.setDefaultTimeout(PATIENCE_MS)
  const [, name] = /administrator: (\S+)/.exec(server.stderr())
  await page.goto(/http:\S+\/password\?token=\S+/.exec(server.stderr())[0])
  await page.getByRole('heading', { name: 'Set your password' }).waitFor()
  await check('first-start')
  for (const field of await page.locator('input[type=password]').all()) await field.fill(PASSWORD)
  await page.getByRole('button').click()
  await page.waitForLoadState()
  await signIn(page, name, PASSWORD)
  await page.getByRole('button', { name: `Account: ${name}` }).click()
  await page.getByRole('menuitem', { name: 'Administration' }).click()
  await page.getByRole('heading', { name: 'Queue' }).waitFor()
  await page.getByText('no run waits').waitFor()
  await page.getByRole('rowheader').waitFor()
  await page.getByText('seccomp', { exact: false }).first().waitFor()
  await page.getByRole('listitem').filter({ hasText: 'Python' }).first().waitFor()
  await check('admin')

  // The page refreshes itself: a scheduled run appears.
  const key = /API key: (\S+)/.exec(server.stderr())[1]
  const later = new Date(Date.now() + 3_600_000).toISOString()
  const sent = await withKey(key, 'POST', '/execute', { language: 'python', source_code: 'print(1)', run_at: later })
  assert.equal(sent.status, 202, await sent.text())
  await page.locator('dl > div').filter({ hasText: 'Scheduled for later' }).getByText('1', { exact: true }).waitFor()

  // Other users see nothing of this page.
  const student = await registered({ path: '/admin' })
  await student.page.getByText('This page is for administrators').waitFor()
  await student.check('admin-refused')
  await student.page.getByRole('button', { name: 'Sign in with another account' }).click()
  await student.page.getByLabel('Password').waitFor()
  await student.close()

  const phone = await visit(browser, { width: 360 })
  phone.page.setDefaultTimeout(PATIENCE_MS)
  await signIn(phone.page, name, PASSWORD)
  await phone.page.goto(`${server.url}/admin`)
  await phone.page.getByText('Busy slots').filter({ visible: true }).waitFor()
  await phone.page.getByRole('heading', { name: 'Languages' }).waitFor()
  await phone.check('admin')
  await phone.close()
  await close()
})

test('an account is managed and deleted with the keyboard only', async () => {
  const { page, close, name } = await registered({ path: '/account' })
  await page.getByText('You have not solved a problem yet').waitFor()
  await tabTo(page, page.getByRole('link', { name: 'API keys' }))
  await page.keyboard.press('Enter')
  await tabTo(page, page.getByLabel('Name', { exact: true }))
  await page.keyboard.type('ci')
  await page.keyboard.press('Enter')
  await page.getByText('it is shown only this once').waitFor()
  await tabTo(page, page.getByRole('button', { name: 'Done' }))
  await page.keyboard.press('Enter')
  await tabTo(page, page.getByRole('button', { name: 'Revoke the key ci' }))
  await page.keyboard.press('Enter')
  await page.keyboard.press('Enter')
  await page.getByText('1 key that has ended').waitFor()
  await page.keyboard.press('Control+Home')
  await tabTo(page, page.getByRole('link', { name: 'Security' }))
  await page.keyboard.press('Enter')
  await tabTo(page, page.locator('summary'))
  await page.keyboard.press('Enter')
  await page.keyboard.press('Tab')
  await page.keyboard.type(PASSWORD)
  await page.keyboard.press('Enter')
  await page.waitForURL(/\/problems/)
  await page.goto(`${server.url}/sign-in`)
  await page.getByLabel('User name or e-mail address').fill(name)
  await page.getByLabel('Password').fill(PASSWORD)
  await page.keyboard.press('Enter')
  await page.getByText('The name or the password is wrong.').waitFor()
  await close()
})

test('on a phone the account and the palette are usable in both themes', async () => {
  const { page, check, close } = await registered({ width: 360, path: '/account' })
  await page.getByText('You have not solved a problem yet').waitFor()
  await check('account-new')
  await page.getByRole('link', { name: 'Security' }).tap()
  await page.getByText('This browser').waitFor()
  await check('account-security')
  await page.getByRole('link', { name: 'API keys' }).tap()
  await page.getByText(/Runs and submissions, up to \d+ at once and 300 a minute/).waitFor()
  await check('account-keys')
  const name = 'n'.repeat(60)
  await page.getByLabel('Name', { exact: true }).fill(name)
  await page.getByRole('button', { name: 'Create a key' }).tap()
  await page.getByText('it is shown only this once').waitFor()
  await check('account-key-made')
  await page.getByRole('button', { name: 'Done' }).tap()
  await page.getByText(name, { exact: true }).waitFor()
  await check('account-long-name')
  await page.getByRole('button', { name: 'Search and commands' }).tap()
  await page.getByRole('combobox', { name: 'Problem, contest, page or command' }).fill('calm')
  await page.getByRole('option', { name: 'Calm Water' }).waitFor()
  await check('palette-found')
  await page.getByRole('option', { name: 'Calm Water' }).tap()
  await page.getByRole('tab', { name: 'Code' }).waitFor()
  await close()
})

test('what a form refuses is said beside the field, a password can be shown, and it must differ from the name', async () => {
  const { page, check, close } = await visit(browser)
  await page.goto(`${server.url}/register`)
  await page.getByText('Fill in this field.').waitFor({ state: 'detached' })
  await page.getByRole('button', { name: 'Create the account' }).click()
  await page.getByText('Fill in this field.').first().waitFor()
  assert.equal(await page.evaluate(() => document.activeElement.name), 'username')
  await check('register-refused')
  await page.getByLabel('User name').fill('ada lovelace')
  await page.getByLabel('E-mail address').fill('nowhere')
  await page.getByLabel('Password').pressSequentially('Ada.L')
  await page.getByRole('button', { name: 'Show' }).click()
  assert.equal(await page.getByLabel('Password').getAttribute('type'), 'text')
  await page.getByRole('button', { name: 'Create the account' }).click()
  await page.getByText('Enter an e-mail address').waitFor()
  await page.getByText('At least 8 characters are needed.').waitFor()
  await page.getByText('It has characters that are not allowed.').waitFor()
  await page.getByLabel('User name').fill('ada.lovelace')
  await page.getByLabel('E-mail address').fill('ada@example.com')
  await page.getByLabel('Password').fill('Ada.Lovelace')
  await page.getByRole('button', { name: 'Create the account' }).click()
  await page.getByText('differ from the user name').waitFor()
  await close()
})

test('after a sign-out in another tab, the page says so and keeps what was typed', async () => {
  const { page, context, check, close, faults } = await registered({ path: `/problems/${SLUG}` })
  await people.write(page, 'print("kept")')
  const other = await context.newPage()
  await other.goto(`${server.url}/problems`)
  await other.getByRole('button', { name: /^Account/ }).click()
  await other.getByRole('menuitem', { name: 'Sign out' }).click()
  await page.getByText('You have been signed out').waitFor()
  await page.getByText('print("kept")').waitFor()
  await check('signed-out-elsewhere')
  await page.getByRole('link', { name: 'Sign in' }).click()
  await page.waitForURL(/\/sign-in\?then=/)
  await page.getByText('You have been signed out').waitFor({ state: 'hidden' })
  assert.deepEqual(faults, [])
  await close()
})
