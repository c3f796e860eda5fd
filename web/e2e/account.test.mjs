// The account, the command palette and the administrator's page in a browser, against the real server.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, before, test } from 'node:test'
import { launch, visit } from './browser.mjs'
import * as people from './people.mjs'
import { PASSWORD } from './people.mjs'
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
  await page.getByText('That browser or program will be signed out.').waitFor()
  await page.getByRole('button', { name: 'End it' }).click()
  await page.getByText(/^The session “Chrome.*” has ended\.$/).waitFor()
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
  // An address that is not a path of this site is not the way back.
  await page.goto(`${server.url}/sign-in?then=//evil.example`)
  await page.getByRole('heading', { name: 'Problems', exact: true }).waitFor()
  assert.equal(page.url(), `${server.url}/problems`)
  await close()
})

test('an API key is shown once, has only its own rights, and can be revoked', async () => {
  const { page, check, close } = await registered({ theme: 'dark', path: '/account?view=keys' })
  await page.getByText('You have no API keys').waitFor()
  await page.getByText(/Runs and submissions: up to \d+ in quick succession, then 300 a minute/).waitFor()
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
  const key = await page.locator('code', { hasText: /^cup_/ }).innerText()
  await page.getByRole('button', { name: 'Copy The key' }).click()
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), key)
  assert.equal((await withKey(key, 'GET', '/auth/me')).status, 200)
  assert.equal((await withKey(key, 'POST', '/execute', { language: 'python', source_code: 'print(1)' })).status, 403)
  await page.getByRole('button', { name: 'Done' }).click()
  await page.locator('code', { hasText: /^cup_/ }).waitFor({ state: 'hidden' })
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

test('without TLS, where pages have no access to the clipboard, Copy copies nevertheless, or says that it cannot', async () => {
  const { page, close } = await registered({ path: '/account?view=keys' })
  await page.evaluate(() => {
    window.board = navigator.clipboard
    Object.defineProperty(navigator, 'clipboard', { value: undefined })
  })
  await page.getByLabel('Name', { exact: true }).fill('lan')
  await page.getByRole('button', { name: 'Create a key' }).click()
  const key = await page.locator('code', { hasText: /^cup_/ }).innerText()
  const copy = page.getByRole('button', { name: /The key$/ })
  await copy.click()
  await copy.filter({ hasText: 'Copied' }).waitFor()
  assert.equal(await page.evaluate(() => window.board.readText()), key)
  await page.evaluate(() => {
    document.execCommand = () => false
  })
  await copy.click()
  await copy.filter({ hasText: 'Not copied: select the text' }).waitFor()
  await close()
})

test('a solved problem is counted in the progress by difficulty, tag and day', async () => {
  const { page, check, close } = await registered()
  const sent = await page.evaluate(
    async ([slug, source]) => {
      const headers = { 'content-type': 'application/json', 'x-cupel-site': '1' }
      let answer = await fetch(`/api/v1/problems/${slug}/submissions?wait=30`, { method: 'POST', headers, body: JSON.stringify({ language: 'python', source_code: source }) })
      // The server answers after half a minute, also if the judge is not done.
      for (let left = 10; left > 0; left -= 1) {
        const { verdict, submission_id: id } = await answer.json()
        if (!answer.ok || verdict != null) return answer.status
        answer = await fetch(`/api/v1/submissions/${id}?wait=30`)
      }
      throw new Error('no verdict in time')
    },
    [SLUG, RIGHT],
  )
  assert.ok(sent < 300, `the submission was refused with ${sent}`)
  await page.goto(`${server.url}/account`)
  await page.getByText('problem solved', { exact: true }).waitFor()
  await page.getByText('1 problem solved for the first time, on 1 day in UTC', { exact: true }).waitFor()
  await page.getByText(/^1 of \d+$/).first().waitFor()
  await check('account-progress')
  // The address of a part that does not exist leads to the progress.
  await page.goto(`${server.url}/account?view=nothing`)
  await page.getByText('problem solved', { exact: true }).waitFor()
  await page.getByRole('link', { name: /1 of \d+/ }).first().click()
  await page.waitForURL(/tag=/)
  await page.getByText('Calm Water').waitFor()
  await close()
})

test('a submission that is judged gets its verdict in the lists of submissions without a reload', async () => {
  const { page, close, name } = await registered()
  const token = people.tokenOf(server, name)
  await people.call(server, token, 'POST', `/problems/${SLUG}/submissions?wait=30`, { language: 'python', source_code: RIGHT })
  await people.until('the verdict', async () => (await people.call(server, token, 'GET', '/submissions')).submissions[0].verdict != null)
  // As if the judge were busy.
  let isJudged = false
  await page.route('**/submissions?*', async (route) => {
    const response = await route.fetch()
    const json = await response.json()
    if (!isJudged) for (const one of json.submissions) Object.assign(one, { status: 'running', verdict: null, completed_at: null })
    await route.fulfill({ response, json })
  })
  for (const path of ['/account?view=submissions', `/problems/${SLUG}?view=submissions`]) {
    isJudged = false
    await page.goto(`${server.url}${path}`)
    await page.getByText('In progress').waitFor()
    isJudged = true
    await page.getByText('In progress').waitFor({ state: 'detached' })
    await page.getByRole('listitem').getByText('Accepted').waitFor()
  }
  await close()
})

test('the address of a page after the last one of a list leads to the last page', async () => {
  const { page, close, name } = await registered()
  const { submission_id: id } = await people.call(server, people.tokenOf(server, name), 'POST', `/problems/${SLUG}/submissions`, { language: 'python', source_code: RIGHT })
  assert.ok(id)
  const before = page.url()
  for (const [path, to, shown] of [
    ['/problems?page=99&sort=newest', '/problems?sort=newest', page.getByRole('link', { name: 'Calm Water' })],
    ['/contests?page=9', '/contests', page.getByText('There are no contests yet')],
    ['/account?view=submissions&page=9', '/account?view=submissions', page.getByRole('link', { name: 'Calm Water' })],
    ['/account?view=programs&page=9', '/account?view=programs', page.getByText('You share no programs')],
  ]) {
    await page.goto(`${server.url}${path}`)
    await shown.waitFor()
    assert.equal(page.url(), `${server.url}${to}`)
    await page.goBack()
    // The page after the last one is not in the history.
    assert.equal(page.url(), before)
  }
  await close()
})

test('the command palette finds problems, pages and settings, with the keyboard only', async () => {
  const { page, check, close, scriptBytes } = await registered()
  const before = scriptBytes()
  const box = page.getByRole('combobox', { name: /^(Problem, contest or command|题目、比赛、页面或命令)$/ })
  const open = async () => {
    // The palette before may still be closing, and would get the keys.
    await box.waitFor({ state: 'detached' })
    await page.keyboard.press('Control+k')
    await box.and(page.locator(':focus')).waitFor()
  }
  await open()
  assert.ok(scriptBytes() > before, 'the palette is loaded when it is opened')
  await check('palette')
  await page.keyboard.type('calm-wat')
  await page.getByRole('option', { name: 'Calm Water' }).waitFor()
  await page.keyboard.press('Control+a')
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
  // What the page itself offers.
  await open()
  await page.getByRole('group', { name: 'This page' }).getByRole('option', { name: 'Run', exact: true }).waitFor()
  await page.keyboard.type('submit')
  await page.getByRole('option', { name: 'Submit', exact: true }).waitFor()
  await page.keyboard.press('Enter')
  await page.getByRole('alert').filter({ hasText: 'This is the code to start from.' }).waitFor()
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

test('a sign-out that fails says that the user is still signed in, in the menu and in the palette', async () => {
  for (const [theme, width] of [['light', 1280], ['dark', 360]]) {
    const { page, check, close } = await registered({ theme, width })
    const json = { type: 'about:blank', title: 'too many requests', status: 429, code: 'rate-limited', detail: 'wait', request_id: '01' }
    const refuse = (route) => (route.request().method() === 'DELETE' ? route.fulfill({ status: 429, json }) : route.fallback())
    await page.route('**/api/v1/session', refuse)
    await page.getByRole('button', { name: /^Account/ }).click()
    const item = page.getByRole('menuitem', { name: 'Sign out' })
    const alert = page.getByRole('alert').filter({ hasText: 'You are still signed in' })
    await item.click()
    await alert.waitFor()
    await check('sign-out-failed')
    // The menu stays, and the error is gone when it is opened again.
    await page.keyboard.press('Escape')
    await alert.waitFor({ state: 'detached' })
    await page.getByRole('button', { name: /^Account/ }).click()
    await item.waitFor()
    assert.equal(await alert.count(), 0)
    await page.keyboard.press('Escape')
    await item.waitFor({ state: 'detached' })

    await page.keyboard.press('Control+k')
    await page.getByRole('dialog').getByRole('combobox').fill('sign o')
    await page.getByRole('option', { name: 'Sign out' }).waitFor()
    await page.keyboard.press('Enter')
    await alert.waitFor()
    await check('sign-out-failed-palette')
    await page.unroute('**/api/v1/session', refuse)
    await page.keyboard.press('Enter')
    await page.getByRole('dialog').waitFor({ state: 'detached' })
    await page.getByRole('button', { name: /^Account/ }).waitFor({ state: 'detached' })
    await close()
  }
})

test('a sign-out that fails after its list was closed opens the list again, which says so', async () => {
  const { page, close } = await registered()
  const json = { type: 'about:blank', title: 'too many requests', status: 429, code: 'rate-limited', detail: 'wait', request_id: '01' }
  let asked
  let refuse
  await page.route('**/api/v1/session', async (route) => {
    if (route.request().method() !== 'DELETE') return route.fallback()
    const held = new Promise((resolve) => (refuse = resolve))
    asked()
    await held
    await route.fulfill({ status: 429, json })
  })
  const alert = page.getByRole('alert').filter({ hasText: 'You are still signed in' })
  const failsClosed = async (signOut, list) => {
    const isAsked = new Promise((resolve) => (asked = resolve))
    await signOut()
    await isAsked
    await page.keyboard.press('Escape')
    await list.waitFor({ state: 'detached' })
    refuse()
    await alert.waitFor()
    await list.waitFor()
    await page.keyboard.press('Escape')
    await alert.waitFor({ state: 'detached' })
  }
  await failsClosed(async () => {
    await page.getByRole('button', { name: /^Account/ }).click()
    await page.getByRole('menuitem', { name: 'Sign out' }).click()
  }, page.getByRole('menu'))
  await failsClosed(async () => {
    await page.keyboard.press('Control+k')
    await page.getByRole('dialog').getByRole('combobox').fill('sign o')
    await page.getByRole('option', { name: 'Sign out' }).waitFor()
    await page.keyboard.press('Enter')
  }, page.getByRole('dialog'))
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

test('a one-time link names the account, sets the password and signs in, and its token is in no URL that a server can log', async () => {
  const owner = await registered()
  await owner.close()
  const made = server.command('user', 'link', owner.name)
  const [, token] = /\/password#(cul_\S+)/.exec(made)
  const { page, check, close } = await visit(browser, { language: 'zh-CN', width: 360 })
  const sent = []
  page.on('request', (request) => {
    const { origin, pathname, search } = new URL(request.url())
    sent.push(`${origin}${pathname}${search} ${request.headers()['referer'] ?? ''}`)
  })
  await page.goto(`${server.url}/password#${token}`)
  await page.getByRole('heading', { name: '设置密码' }).waitFor()
  const name = await page.getByLabel('用户名').inputValue()
  assert.match(name, /^student-\d+$/)
  await check('password-link')
  // What the server refuses is said in the language of the page.
  await page.getByLabel('新密码').fill(`${name}@example.com`)
  await page.getByRole('button', { name: '设置密码并登录' }).click()
  await page.getByText('密码不能与用户名或邮箱相同。').waitFor()
  await page.getByLabel('新密码').fill('staple correct horse')
  await page.getByRole('button', { name: '设置密码并登录' }).click()
  await page.waitForURL(/\/problems$/)
  await page.getByRole('button', { name: new RegExp(name) }).waitFor()
  await page.getByText('Calm Water').waitFor()
  assert.equal(sent.filter((one) => one.includes('/auth/password/link')).length, 1, 'the link is read once')
  // The link is used. An older form of the link, with the token in the query, leads to the same page.
  await page.goto(`${server.url}/password#${token}`)
  await page.getByText('请向管理员索取新链接').waitFor()
  await page.getByText(`你已登录为 ${name}。`).waitFor()
  await check('password-link-used')
  assert.ok(sent.length > 10)
  assert.deepEqual(sent.filter((one) => one.includes(token)), [])
  await page.goto(`${server.url}/password?token=${token}`)
  await page.getByText('请向管理员索取新链接').waitFor()
  await page.waitForURL((url) => url.search === '' && url.hash === `#${token}`)
  // A link without a token is not sent to the server.
  const before = sent.length
  await page.goto(`${server.url}/password`)
  await page.getByText('链接不完整').waitFor()
  assert.deepEqual(sent.slice(before).filter((one) => one.includes('/auth/password/link')), [])
  await close()
})

test('if the response to a one-time link is lost, a second try signs in', async () => {
  const owner = await registered()
  await owner.close()
  const made = server.command('user', 'link', owner.name)
  const { page, close, faults } = await visit(browser)
  await page.goto(`${server.url}/password#${/\/password#(\S+)/.exec(made)[1]}`)
  await page.getByLabel('New password').fill('staple correct horse')
  await page.route('**/api/v1/auth/password/reset', async (route) => {
    await route.fetch()
    await route.abort()
  }, { times: 1 })
  const send = page.getByRole('button', { name: 'Set the password and sign in' })
  await send.click()
  await page.getByText('The server cannot be reached').waitFor()
  await send.click()
  await page.getByRole('heading', { name: 'Problems', exact: true }).waitFor()
  faults.length = 0
  await close()
})

test('a user leaves the leaderboards, and the form of a new user says in Chinese what the server refuses', async () => {
  const { page, check, close, name } = await registered({ path: '/account?view=security' })
  const box = page.getByLabel('Do not show me in leaderboards')
  assert.equal(await box.isChecked(), false)
  await box.click()
  await page.getByText('Leaderboards no longer show you.').waitFor()
  await check('account-leaderboards')
  await page.reload()
  await box.waitFor()
  assert.equal(await box.isChecked(), true)
  assert.equal((await people.call(server, people.tokenOf(server, name), 'GET', '/auth/me')).in_leaderboards, false)
  await box.click()
  await page.getByText('Leaderboards show you again.').waitFor()
  await close()

  const other = await visit(browser, { language: 'zh-CN' })
  await other.page.goto(`${server.url}/register`)
  await other.page.getByLabel('用户名').fill(name)
  await other.page.getByLabel('邮箱').fill('another@example.com')
  await other.page.getByLabel('密码').fill('staple correct horse')
  await other.page.getByRole('button', { name: '注册' }).click()
  await other.page.getByText('已被其他账户使用。').waitFor()
  await other.close()
})

test('the first start gives the administrator a link, and the administrator sees the state of the server', async () => {
  const visitor = await visit(browser)
  const { page, check, close } = visitor
  const name = await people.enterFirst(page, server)
  await page.getByRole('button', { name: `Account: ${name}` }).click()
  await page.getByRole('menuitem', { name: 'Administration' }).click()
  await page.getByRole('heading', { name: 'Queue' }).waitFor()
  await page.getByText('no run waits').waitFor()
  await page.getByRole('rowheader').waitFor()
  // The last heartbeat also has its absolute time.
  const heartbeat = page.getByRole('row').filter({ has: page.getByRole('rowheader') }).first().locator('time').first()
  assert.ok(Math.abs(Date.now() - Date.parse(await heartbeat.getAttribute('datetime'))) < 60_000)
  assert.match(await heartbeat.getAttribute('title'), /\d:\d\d:\d\d/)
  await page.getByText('seccomp', { exact: false }).first().waitFor()
  await page.getByRole('listitem').filter({ hasText: 'Python' }).first().waitFor()
  await check('admin')

  // The page refreshes itself: a scheduled run appears.
  const key = /API key: (\S+)/.exec(server.stderr())[1]
  const later = new Date(Date.now() + 3_600_000).toISOString()
  const sent = await withKey(key, 'POST', '/execute', { language: 'python', source_code: 'print(1)', run_at: later })
  assert.equal(sent.status, 202, await sent.text())
  await page.locator('dl > div').filter({ hasText: 'Scheduled for later' }).getByText('1', { exact: true }).waitFor()

  // So do the runs of the moment, and the number of runs that the workers judged.
  // This one waits for two minutes, so that the page is checked while it runs.
  const job = { language: 'python', source_code: 'import time; time.sleep(600)', limits: { wall_time_ms: 120_000, idle_time_ms: 120_000 } }
  const long = await withKey(key, 'POST', '/execute', job)
  const { submission_id } = await long.json()
  assert.equal(long.status, 202)
  await page.getByRole('listitem').filter({ hasText: 'python' }).filter({ hasText: name }).waitFor()
  await check('admin-runs')
  const ended = await people.call(server, key, 'DELETE', `/execute/${submission_id}`)
  assert.equal(ended.status, 'cancelled', 'the run ended before the page was checked')
  await page.getByText('No worker runs a program now').waitFor()
  let short = await people.call(server, key, 'POST', '/execute?wait=30', { language: 'python', source_code: 'print(1)' })
  // The server answers after half a minute, also if the judge is not done.
  for (let left = 10; left > 0 && short.verdict == null; left -= 1) {
    short = await people.call(server, key, 'GET', `/submissions/${short.submission_id}?wait=30`)
  }
  assert.equal(short.verdict, 'AC', JSON.stringify(short))
  await page.locator('dl > div').filter({ hasText: 'Judged in the last minute' }).getByText(/^[1-9]\d*$/).waitFor()

  // Other users see nothing of this page.
  const student = await registered({ path: '/admin' })
  await student.page.getByText('This page is for administrators').waitFor()
  await student.check('admin-refused')
  const secondTab = await student.context.newPage()
  await secondTab.goto(`${server.url}/problems`)
  await secondTab.getByRole('button', { name: /^Account/ }).waitFor()
  await student.page.getByRole('button', { name: 'Sign in with another account' }).click()
  await student.page.getByLabel('Password').waitFor()
  // The other tab learns of it. This one knows that the user has signed out.
  await secondTab.getByText('Your session has ended').waitFor()
  await student.page.getByRole('link', { name: 'Problems' }).first().click()
  await student.page.getByRole('heading', { name: 'Problems', exact: true }).waitFor()
  await student.page.getByRole('link', { name: 'Register' }).first().waitFor()
  assert.equal(await student.page.getByText('Your session has ended').count(), 0)
  await secondTab.close()
  await student.close()

  const phone = await visit(browser, { width: 360 })
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
  await page.getByText(/Runs and submissions: up to \d+ in quick succession, then 300 a minute/).waitFor()
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
  await page.getByRole('combobox', { name: 'Problem, contest or command' }).fill('calm')
  await page.getByRole('option', { name: 'Calm Water' }).waitFor()
  await check('palette-found')
  await page.getByRole('option', { name: 'Calm Water' }).tap()
  await page.getByRole('tab', { name: 'Code' }).waitFor()
  await close()
})

test('the question before something ends takes the focus, and Cancel and Escape return it to the button', async () => {
  for (const [theme, width] of [['light', 1280], ['dark', 360]]) {
    const { page, check, close, name } = await registered({ theme, width })
    const token = people.tokenOf(server, name)
    await people.call(server, token, 'POST', '/snippets', { language: 'python', source_code: 'print(1)', title: 'A program with a title that is too long for the line of a phone' })
    await people.call(server, token, 'POST', '/auth/keys', { name: 'ci', scopes: ['runs:read'] })
    const hasFocus = (button) => page.waitForFunction((element) => element === document.activeElement, button)
    for (const [view, begin, yes, no] of [
      ['programs', /^Stop sharing A program/, 'Stop sharing it', 'Keep it'],
      ['keys', 'Revoke the key ci', 'Revoke it', 'Keep it'],
      ['security', /^End the session/, 'End it', 'Cancel'],
    ]) {
      await page.goto(`${server.url}/account?view=${view}`)
      const [button, act] = [begin, yes].map((name) => page.getByRole('button', { name, exact: true }).first())
      await button.click()
      await hasFocus(await act.elementHandle())
      await check(`account-question-${view}`)
      await page.getByRole('button', { name: no, exact: true }).click()
      await hasFocus(await button.elementHandle())
      await page.keyboard.press('Enter')
      await hasFocus(await act.elementHandle())
      await page.keyboard.press('Escape')
      await hasFocus(await button.elementHandle())
      // When the row with the question is gone, its list has the focus.
      await page.keyboard.press('Enter')
      await hasFocus(await act.elementHandle())
      await page.keyboard.press('Enter')
      await page.waitForFunction(() => document.activeElement?.matches('section'))
    }
    await close()
  }
})

test('a new key and the change of a password are shown at once, although the list beside them is not read', async () => {
  const { page, close } = await registered({ path: '/account?view=keys' })
  await page.getByText('You have no API keys').waitFor()
  // No list is answered any more.
  await page.route(/\/api\/v1\/auth\/(keys|sessions)$/, (route) => (route.request().method() === 'GET' ? undefined : route.fallback()))
  await page.getByLabel('Name', { exact: true }).fill('laptop')
  await page.getByRole('button', { name: 'Create a key' }).click()
  await page.getByText('it is shown only this once').waitFor()
  await page.getByRole('button', { name: 'Done' }).click()
  await page.getByRole('link', { name: 'Security' }).click()
  await page.getByLabel('Current password').fill(PASSWORD)
  await page.getByLabel('New password').fill('another good password')
  await page.getByRole('button', { name: 'Change the password' }).click()
  await page.getByText('Your password is changed.').waitFor()
  await close()
})

test('a button whose request is in progress or was refused keeps the focus, and sends nothing meanwhile', async () => {
  const { page, close, name, faults } = await registered()
  await people.call(server, people.tokenOf(server, name), 'POST', '/auth/keys', { name: 'ci', scopes: ['runs:read'] })
  const sent = []
  /** Answers the requests of a method with 503, as soon as `release` is called. */
  const refuse = async (url, method) => {
    let release
    const held = new Promise((resolve) => (release = resolve))
    await page.route(url, async (route) => {
      if (route.request().method() !== method) return route.fallback()
      sent.push(method)
      await held
      return route.fulfill({ status: 503, contentType: 'application/problem+json', body: JSON.stringify({ type: '/errors/unavailable', code: 'unavailable', title: 'Unavailable', status: 503 }) })
    })
    return release
  }
  const focused = (text) => page.waitForFunction((text) => document.activeElement.textContent === text, text)
  const error = page.getByRole('alert').filter({ hasText: 'The server is busy' })

  await page.goto(`${server.url}/account?view=keys`)
  let release = await refuse('**/api/v1/auth/keys/*', 'DELETE')
  await page.getByRole('button', { name: 'Revoke the key ci' }).press('Enter')
  await focused('Revoke it')
  await page.keyboard.press('Enter')
  await page.getByRole('button', { name: 'Revoke it', disabled: true }).waitFor()
  await page.keyboard.press('Enter')
  await focused('Revoke it')
  release()
  await error.waitFor()
  await focused('Revoke it')
  await page.keyboard.press('Escape')
  await focused('Revoke')
  assert.deepEqual(sent, ['DELETE'])

  await page.getByRole('link', { name: 'Security' }).click()
  release = await refuse('**/api/v1/auth/password', 'POST')
  await page.getByLabel('Current password').fill(PASSWORD)
  await page.getByLabel('New password').fill('another good password')
  await page.getByRole('button', { name: 'Change the password' }).press('Enter')
  await page.getByRole('button', { name: 'Change the password', disabled: true }).waitFor()
  // Enter in a field sends the form, as a click on its button does.
  await page.getByLabel('New password').press('Enter')
  await page.getByRole('button', { name: 'Change the password' }).focus()
  release()
  await error.waitFor()
  await focused('Change the password')
  assert.deepEqual(sent, ['DELETE', 'POST'])
  faults.splice(0, faults.length, ...faults.filter((fault) => !/status of 503/.test(fault)))
  await close()
})

test('the button that shows all tags leads to the first tag that it has shown', async () => {
  const { page, close } = await registered()
  await page.route('**/api/v1/users/me/progress*', async (route) => {
    const answer = await route.fetch()
    await route.fulfill({ response: answer, json: { ...(await answer.json()), solved: 1 } })
  })
  await page.route('**/api/v1/users/me/activity*', async (route) => {
    const answer = await route.fetch()
    await route.fulfill({ response: answer, json: { ...(await answer.json()), tags: Array.from({ length: 30 }, (_, at) => ({ tag: `tag-${at + 1}`, solved: 0, problems: 1 })) } })
  })
  await page.goto(`${server.url}/account`)
  await page.getByRole('button', { name: 'Show all 30 tags' }).press('Enter')
  await page.waitForFunction(() => document.activeElement.textContent.startsWith('tag-25'))
  await close()
})

test('a visitor who opens a part of the account returns to it after signing in', async () => {
  const { name, close } = await registered()
  await close()
  const visitor = await visit(browser)
  const { page } = visitor
  await page.goto(`${server.url}/account?view=keys`)
  await page.getByRole('main').getByRole('link', { name: 'Sign in' }).click()
  await page.getByLabel('User name or e-mail address').fill(name)
  await page.getByLabel('Password').fill(PASSWORD)
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.getByText('You have no API keys').waitFor()
  await visitor.close()
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
  await page.getByText('Spaces are not allowed here.').waitFor()
  await page.getByLabel('User name').fill('ada.lovelace')
  await page.getByLabel('E-mail address').fill('ada@example.com')
  await page.getByLabel('Password').fill('Ada.Lovelace')
  await page.getByRole('button', { name: 'Create the account' }).click()
  await page.getByText('differ from the user name').waitFor()
  // The first field that the server refuses gets the focus.
  await page.waitForFunction(() => document.activeElement.name === 'password')
  await close()
})

test('after a sign-out in another tab, the page says so and keeps what was typed', async () => {
  const { page, context, check, close, faults } = await registered({ path: `/problems/${SLUG}` })
  await people.write(page, 'print("kept")')
  const other = await context.newPage()
  await other.goto(`${server.url}/problems`)
  await other.getByRole('button', { name: /^Account/ }).click()
  await other.getByRole('menuitem', { name: 'Sign out' }).click()
  await page.getByText('you have signed out in another tab').waitFor()
  await page.getByText('print("kept")').waitFor()
  await check('signed-out-elsewhere')
  await page.getByRole('link', { name: 'Sign in' }).click()
  await page.waitForURL(/\/sign-in\?then=/)
  await page.getByText('you have signed out in another tab').waitFor({ state: 'hidden' })
  assert.deepEqual(faults, [])
  await close()
})

test('if a response to a registration is lost, the next press signs in to the new account', async () => {
  for (const [lost, name] of [['auth/register', 'lost-first'], ['session', 'lost-second']]) {
    const { page, close, faults } = await visit(browser)
    let dropped = 0
    await page.route(`**/api/v1/${lost}`, async (route) => {
      if (route.request().method() !== 'POST' || dropped > 0) return route.continue()
      dropped += 1
      if (lost === 'auth/register') await route.fetch()
      await route.abort()
    })
    await page.goto(`${server.url}/register?then=/contests`)
    await people.register(page, name)
    await page.getByRole('alert').filter({ hasText: 'The server cannot be reached' }).waitFor()
    await page.getByRole('button', { name: 'Create the account' }).click()
    await page.waitForURL((url) => url.pathname === '/contests')
    await page.getByRole('button', { name: `Account: ${name}` }).waitFor()
    assert.equal(dropped, 1)
    faults.splice(0, faults.length, ...faults.filter((fault) => !/ERR_FAILED/.test(fault)))
    await close()
  }
  // The name of another person is still refused.
  const { page, close } = await visit(browser)
  await page.goto(`${server.url}/register`)
  await page.getByLabel('User name').fill('lost-first')
  await page.getByLabel('E-mail address').fill('other@example.com')
  await page.getByLabel('Password').fill('another good password')
  await page.getByRole('button', { name: 'Create the account' }).click()
  await page.getByText('Another account already has this.').waitFor()
  await close()
})
