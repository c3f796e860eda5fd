// Drafts are never lost: two tabs, two browsers, a visitor who signs in, a reload, and the history.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { chooseLanguage, launch, visit } from './browser.mjs'
import * as people from './people.mjs'
import { PASSWORD, PATIENCE_MS } from './people.mjs'
import { startServer } from './server.mjs'

const SLUG = 'calm-water'

let server
let browser
before(async () => {
  ;[server, browser] = await Promise.all([startServer(), launch()])
})
after(async () => {
  await browser?.close()
  await server?.stop()
})

const registered = (options) => people.registered(server, browser, options)

/** Opens a second browser for a user. */
async function signedIn(name, options) {
  const visitor = await visit(browser, options)
  await visitor.page.goto(`${server.url}/sign-in`)
  await signIn(visitor.page, name)
  await visitor.page.getByRole('heading', { name: 'Problems', exact: true }).waitFor()
  return visitor
}

async function signIn(page, name) {
  await page.getByLabel('User name or e-mail address').fill(name)
  await page.getByLabel('Password').fill(PASSWORD)
  await page.getByRole('button', { name: 'Sign in' }).click()
}

const editor = (page) => page.getByRole('textbox', { name: /Source code/ })

async function open(page, slug = SLUG) {
  await page.goto(`${server.url}/problems/${slug}`)
  if (page.viewportSize().width < 900) await page.getByRole('tab', { name: 'Code' }).click()
  await chooseLanguage(page, 'python')
  await editor(page).waitFor()
}

async function write(page, code) {
  await editor(page).click()
  await page.keyboard.press('Control+a')
  await page.keyboard.press('Delete')
  await page.keyboard.insertText(code)
}

const shows = (page, text) => editor(page).filter({ hasText: text }).waitFor()

/** Waits until the page's draft on the server satisfies a condition. `query` names the problem; it is empty for the playground. */
async function untilOnServer(page, query, holds) {
  const read = async (path) => {
    const answer = await fetch(path)
    return answer.ok ? (await answer.json()).text : undefined
  }
  for (const end = Date.now() + PATIENCE_MS; ; await new Promise((resolve) => setTimeout(resolve, 100))) {
    // The request fails without a connection or while the page is being replaced.
    const text = await page.evaluate(read, `api/v1/drafts/python${query}`).catch(() => undefined)
    if (text !== undefined && holds(text)) return
    assert.ok(Date.now() < end, `the draft on the server is ${text}`)
  }
}

const onServer = (page, text) => untilOnServer(page, `?problem=${SLUG}`, (found) => found === text)

const history = async (page) => {
  await page.getByRole('button', { name: 'History' }).click()
  await page.getByRole('heading', { name: 'History of this code' }).waitFor()
}

test('two tabs that change one draft lose nothing, even if the user ignores the note', async () => {
  const { page, context, check, close } = await registered()
  await open(page)
  await write(page, '# first tab\n')
  const second = await context.newPage()
  await open(second)
  await shows(second, '# first tab')
  await write(page, '# first tab, more\n')
  await second.getByText('This draft was changed in another tab.').waitFor()
  // The user ignores the note.
  await write(second, '# second tab\n')
  await second.getByText('Another tab had different code here.').waitFor()
  await second.reload()
  await shows(second, '# second tab')
  await second.getByText('Another tab had different code here.').waitFor()
  await second.getByRole('button', { name: 'Load that code' }).click()
  await shows(second, '# first tab, more')
  await history(second)
  await second.getByRole('list', { name: 'Versions' }).getByRole('button', { name: /Replaced here/ }).first().click()
  await second.getByRole('region', { name: 'The code of this version' }).getByText('# second tab').waitFor()
  await second.keyboard.press('Escape')
  await write(second, '# second tab again\n')
  await second.close()
  // The first tab keeps its own text; the other text stays in the history.
  await page.getByText('This draft was changed in another tab.').waitFor()
  await check('draft-of-another-tab')
  await page.getByRole('button', { name: 'Keep this one' }).click()
  await shows(page, '# first tab, more')
  await history(page)
  await page.getByRole('list', { name: 'Versions' }).getByRole('button', { name: /From another tab/ }).first().click()
  await page.getByRole('region', { name: 'The code of this version' }).getByText('# second tab again').waitFor()
  await close()
})

test('a tab that has only the starting code shows what another tab writes, until something is typed there', async () => {
  const { page, context, close } = await registered()
  await open(page)
  const second = await context.newPage()
  await open(second)
  await write(page, '# first\n')
  await shows(second, '# first')
  await write(page, '# first, more\n')
  await shows(second, '# first, more')
  assert.equal(await second.getByText('This draft was changed in another tab.').count(), 0)
  await write(second, '# second\n')
  await page.getByText('This draft was changed in another tab.').waitFor()
  await shows(page, '# first, more')
  await history(second)
  await second.getByRole('list', { name: 'Versions' }).getByRole('button', { name: /From another tab/ }).first().click()
  await second.getByRole('region', { name: 'The code of this version' }).getByText('# first, more').waitFor()
  await close()
})

test('after Submit, the code of another tab is no longer offered, and stays in the history', async () => {
  const { page, context, close } = await registered()
  await open(page)
  await write(page, 'print(1)\n')
  const second = await context.newPage()
  await open(second)
  await shows(second, 'print(1)')
  await write(page, 'print(2)\n')
  await second.getByText('This draft was changed in another tab.').waitFor()
  await write(second, 'print(3)\n')
  await second.getByText('Another tab had different code here.').waitFor()
  await second.getByRole('button', { name: 'Submit' }).click()
  await second.locator('[data-verdict]').first().waitFor()
  assert.equal(await second.getByText('Another tab had different code here.').count(), 0)
  await second.reload()
  await shows(second, 'print(3)')
  assert.equal(await second.getByText('Another tab had different code here.').count(), 0)
  await history(second)
  await second.getByRole('list', { name: 'Versions' }).getByRole('button', { name: /From another tab/ }).first().click()
  await second.getByRole('region', { name: 'The code of this version' }).getByText('print(2)').waitFor()
  await close()
})

test('two browsers of a user have the same code; the newer text is used, and the older text is kept', async () => {
  const { page, close, name } = await registered()
  await open(page)
  await write(page, '# at home\n')
  await onServer(page, '# at home\n')
  const school = await signedIn(name)
  await open(school.page)
  await shows(school.page, '# at home')
  // Both browsers change the draft. The second browser does not know of the first change yet.
  await school.context.setOffline(true)
  await write(school.page, '# at school\n')
  await write(page, '# at home again\n')
  await onServer(page, '# at home again\n')
  await write(school.page, '# at school, later\n')
  await school.context.setOffline(false)
  await onServer(school.page, '# at school, later\n')
  await school.page.getByText('Another device has different code here.').waitFor()
  await school.check('draft-of-another-device')
  await school.page.getByRole('button', { name: 'Keep this code' }).click()
  await school.page.getByText('Another device has different code here.').waitFor({ state: 'detached' })
  await shows(school.page, '# at school, later')
  school.faults.splice(0, school.faults.length, ...school.faults.filter((fault) => !/ERR_INTERNET_DISCONNECTED/.test(fault)))
  await school.close()
  // In the first browser, the newer code appears after a reload, and the older code is in the history.
  await page.reload()
  await shows(page, '# at school, later')
  await history(page)
  const saved = page.getByRole('list', { name: 'Versions' }).getByRole('button', { name: /Saved/ })
  await saved.first().click()
  await page.getByRole('region', { name: 'The code of this version' }).getByText('# at home again').waitFor()
  await close()
})

test('a version from the history can be restored, and the present text is kept', async () => {
  for (const [theme, width] of [['light', 1280], ['dark', 360]]) {
    const { page, check, close, name } = await registered({ theme, width })
    await open(page)
    await write(page, '# one\nprint(1)\nprint(2)\nprint(3)\n')
    await onServer(page, '# one\nprint(1)\nprint(2)\nprint(3)\n')
    // Less than half of the text is left, so the previous text stays as a separate revision.
    await write(page, '# two\n')
    await onServer(page, '# two\n')
    // Another browser has only the server's draft.
    const other = await signedIn(name, { theme, width })
    await open(other.page)
    await shows(other.page, '# two')
    await history(other.page)
    await other.page.getByText('The server has your latest changes.').waitFor()
    // The current code is listed first, and the newest earlier version is shown.
    await other.page.getByRole('list', { name: 'Versions' }).getByRole('button').first().getByText('Current code').waitFor()
    await other.page.getByRole('region', { name: 'The code of this version' }).getByText('# one').waitFor()
    await other.check('draft-history')
    await other.page.getByRole('button', { name: 'Restore this version' }).click()
    await shows(other.page, '# one')
    await onServer(other.page, '# one\nprint(1)\nprint(2)\nprint(3)\n')
    await history(other.page)
    // The restored version replaced "# two", which is also a revision. It is listed once.
    const entries = other.page.getByRole('list', { name: 'Versions' }).getByRole('button')
    await entries.nth(1).click()
    await other.page.getByRole('region', { name: 'The code of this version' }).getByText('# two').waitFor()
    assert.equal(await entries.count(), 3)
    // The browser's button Back closes the dialog, and the problem stays.
    await other.page.goBack()
    await other.page.getByRole('heading', { name: 'History of this code' }).waitFor({ state: 'detached' })
    await shows(other.page, '# one')
    await other.close()
    await check('draft')
    await close()
  }
})

test('after the sign-in, the editor has the visitor\'s code, and the user\'s older code is offered', async () => {
  const { page, close, name } = await registered()
  await open(page)
  await write(page, '# as a user\n')
  await onServer(page, '# as a user\n')
  await page.getByRole('button', { name: /^Account/ }).click()
  await page.getByRole('menuitem', { name: 'Sign out' }).click()
  await page.getByRole('link', { name: 'Sign in' }).first().waitFor()
  await open(page)
  assert.equal(await page.getByText('# as a user').count(), 0)
  await write(page, '# as a visitor\n')
  await page.getByRole('link', { name: 'Sign in' }).last().click()
  await signIn(page, name)
  await shows(page, '# as a visitor')
  await page.getByText('The code that you had here before is kept.').waitFor()
  await onServer(page, '# as a visitor\n')
  await page.reload()
  await shows(page, '# as a visitor')
  await page.getByRole('button', { name: 'Load that code' }).click()
  await shows(page, '# as a user')
  await onServer(page, '# as a user\n')
  await close()
})

test('a visitor\'s sign-in keeps the user\'s code that is only on the server', async () => {
  const { page, close, name } = await registered()
  await open(page)
  await write(page, '# on the server\n')
  await onServer(page, '# on the server\n')
  await close()
  const { page: elsewhere, close: leave } = await visit(browser)
  await open(elsewhere)
  await write(elsewhere, '# before the sign-in\n')
  await elsewhere.getByRole('link', { name: 'Sign in' }).last().click()
  await signIn(elsewhere, name)
  await shows(elsewhere, '# before the sign-in')
  await elsewhere.getByText('Another device has different code here.').waitFor()
  await onServer(elsewhere, '# before the sign-in\n')
  await elsewhere.getByRole('button', { name: 'Load that code' }).click()
  await shows(elsewhere, '# on the server')
  await leave()
})

test('the code is kept while the server is down, and saved when it is up again', async () => {
  const { page, context, close, faults } = await registered()
  await open(page)
  await write(page, '# before\n')
  await onServer(page, '# before\n')
  await context.setOffline(true)
  await write(page, '# without a connection\n')
  await history(page)
  await page.getByText('This browser has your latest changes').waitFor()
  await page.keyboard.press('Escape')
  await context.setOffline(false)
  await onServer(page, '# without a connection\n')
  // A change is saved even if the page is closed right afterwards.
  await write(page, '# the last words\n')
  await page.goto(`${server.url}/problems`)
  await page.getByRole('heading', { name: 'Problems', exact: true }).waitFor()
  await onServer(page, '# the last words\n')
  faults.splice(0, faults.length, ...faults.filter((fault) => !/ERR_INTERNET_DISCONNECTED/.test(fault)))
  await close()
})

test('code that could not be saved before its page was left, or before the sign-out, reaches the server', async () => {
  const { page, close, faults, name } = await registered()
  await open(page)
  await write(page, '# before\n')
  await onServer(page, '# before\n')
  const url = '**/api/v1/drafts/**'
  const lost = page.waitForEvent('requestfailed', (request) => request.method() === 'PUT')
  await page.route(url, (route) => (route.request().method() === 'PUT' ? route.abort() : route.fallback()))
  await write(page, '# left without a connection\n')
  await page.getByRole('link', { name: 'Cupel' }).click()
  await page.getByRole('heading', { name: 'Problems', exact: true }).waitFor()
  await lost
  await page.unroute(url)
  await onServer(page, '# left without a connection\n')
  await page.goBack()
  await shows(page, '# left without a connection')
  // The server no longer accepts it afterwards.
  await write(page, '# the last words\n')
  await page.getByRole('button', { name: /^Account/ }).click()
  await page.getByRole('menuitem', { name: 'Sign out' }).click()
  await page.getByRole('link', { name: 'Sign in' }).waitFor()
  assert.equal((await people.call(server, people.tokenOf(server, name), 'GET', `/drafts/python?problem=${SLUG}`)).text, '# the last words\n')
  faults.splice(0, faults.length, ...faults.filter((fault) => !/ERR_FAILED/.test(fault)))
  await close()
})

test('code whose tab was closed without a connection is sent when any page of the site is opened again', async () => {
  const { page, context, close, faults, name } = await registered()
  await open(page)
  await write(page, '# before\n')
  await onServer(page, '# before\n')
  await context.setOffline(true)
  await write(page, '# closed without a connection\n')
  await shows(page, '# closed without a connection')
  await page.close()
  await context.setOffline(false)
  const later = await context.newPage()
  await later.goto(`${server.url}/contests`)
  await later.getByRole('heading', { name: 'Contests', exact: true }).waitFor()
  await onServer(later, '# closed without a connection\n')
  const other = await signedIn(name)
  await open(other.page)
  await shows(other.page, '# closed without a connection')
  await other.close()
  await open(later)
  await shows(later, '# closed without a connection')
  assert.equal(await later.getByText('Another device has different code here.').count(), 0)
  faults.splice(0, faults.length, ...faults.filter((fault) => !/ERR_INTERNET_DISCONNECTED/.test(fault)))
  await close()
})

test('the history says if the server has refused the code', async () => {
  const { page, close } = await registered()
  await page.route('**/api/v1/drafts/**', (route) =>
    route.request().method() === 'PUT'
      ? route.fulfill({ status: 422, contentType: 'application/problem+json', body: JSON.stringify({ type: '/errors/invalid-body', code: 'invalid-body', title: 'Invalid', status: 422, detail: 'no', request_id: '0' }) })
      : route.fallback(),
  )
  await open(page)
  const refused = page.waitForResponse((answer) => answer.request().method() === 'PUT')
  await write(page, '# refused\n')
  await refused
  await history(page)
  await page.getByText('The server has refused to save them, and is asked again after the next change.').waitFor()
  await close()
})

test('the playground also has a history, and every browser of the user has its code', async () => {
  const { page, close, name } = await registered({ path: '/playground' })
  await chooseLanguage(page, 'python')
  await write(page, '# playing\n')
  await untilOnServer(page, '', (text) => text.includes('# playing'))
  const other = await signedIn(name)
  await other.page.goto(`${server.url}/playground`)
  await chooseLanguage(other.page, 'python')
  await shows(other.page, '# playing')
  // A version that was run stays in the history, although the next change follows at once.
  await write(other.page, '# playing\nprint("run")\n')
  await other.page.getByRole('button', { name: 'Run', exact: true }).click()
  await other.page.locator('[data-verdict="AC"]').waitFor()
  await write(other.page, '# playing\nprint("changed")\n')
  await untilOnServer(other.page, '', (text) => text.includes('changed'))
  await other.page.getByRole('button', { name: 'History' }).click()
  await other.page.getByRole('region', { name: 'The code of this version' }).getByText('print("run")').waitFor()
  await other.page.getByRole('heading', { name: 'History of this code' }).waitFor()
  await other.check('playground-history')
  await other.close()
  await close()
})

test('a visitor\'s program in the playground that looks like the user\'s own is not offered after the sign-in, and stays in the history', async () => {
  const { page, close, name } = await registered()
  const play = { files: [{ path: 'main.py', text: 'print("the same")\n' }], args: '', stdin: '' }
  await page.evaluate(
    ([name, own, visitors]) => {
      localStorage.setItem('cupel.language-of/(playground)', 'python')
      localStorage.setItem(`cupel.draft/${name}/(playground)/python`, own)
      localStorage.setItem('cupel.draft//(playground)/python', visitors)
    },
    [name, JSON.stringify(play), JSON.stringify({ ...play, title: 'A fork' })],
  )
  await page.goto(`${server.url}/playground`)
  await shows(page, 'print("the same")')
  await history(page)
  await page.getByRole('list', { name: 'Versions' }).getByRole('button').first().waitFor()
  assert.equal(await page.getByText('You wrote different code here').or(page.getByText('The code that you had here before')).count(), 0)
  await close()
})

test('code that is saved while the page is left for a shared program is not listed as from another device after Fork', async () => {
  const { page, close, name } = await registered()
  const shared = await people.call(server, people.tokenOf(server, name), 'POST', '/snippets', { language: 'python', source_code: '# shared\n' })
  await page.goto(`${server.url}/playground`)
  await chooseLanguage(page, 'python')
  await write(page, '# mine\n')
  // The page is left before the code is saved.
  await page.goto(`${server.url}/p/${shared.snippet_id}`)
  await page.getByRole('button', { name: 'Fork' }).click()
  await page.waitForURL(/\/playground$/)
  await shows(page, '# shared')
  await untilOnServer(page, '', (text) => text.includes('# shared'))
  await history(page)
  const list = page.getByRole('list', { name: 'Versions' })
  // The newest earlier version is shown. The server had it before the Fork.
  await page.getByRole('region', { name: 'The code of this version' }).getByText('# mine').waitFor()
  assert.equal(await list.getByRole('button', { name: /From another device/ }).count(), 0)
  await close()
})

/** Fills the browser's storage, except for `room` characters. */
const fill = (page, room = 0) =>
  page.evaluate((room) => {
    localStorage.setItem('room', 'x'.repeat(room))
    for (let part = 'x'.repeat(1 << 20), n = 0; part !== ''; n += 1) {
      try {
        localStorage.setItem(`fill-${n}`, part)
      } catch {
        part = part.slice(part.length / 2 + 1)
      }
    }
    localStorage.removeItem('room')
  }, room)

const empty = (page) => page.evaluate(() => Object.keys(localStorage).filter((key) => key.startsWith('fill-')).forEach((key) => localStorage.removeItem(key)))

test('if the browser cannot keep the replaced code, nothing replaces it', async () => {
  const { page, close } = await registered()
  await open(page)
  await write(page, '# mine\n')
  await onServer(page, '# mine\n')
  await fill(page)
  await page.getByRole('button', { name: 'Reset', exact: true }).click()
  await page.getByText('The browser\'s storage is full, so your code was not replaced.').waitFor()
  await shows(page, '# mine')
  // With room, Reset works and can be undone.
  await empty(page)
  await page.getByRole('button', { name: 'Reset', exact: true }).click()
  await page.getByText('The editor has the starting code again.').waitFor()
  await page.getByText('The browser\'s storage is full').waitFor({ state: 'detached' })
  await page.getByRole('button', { name: 'Restore', exact: true }).click()
  await shows(page, '# mine')
  await close()
})

test('a custom input that the browser cannot store stays when the language changes, and the page says that it is not stored', async () => {
  const { page, check, close } = await registered()
  await open(page)
  await page.getByRole('tab', { name: 'Custom input' }).click()
  const input = page.getByRole('textbox', { name: 'Input for your program' })
  const note = page.getByText('This input is not stored')
  await fill(page, 200)
  for (const text of ['1 0\n'.repeat(100), 'x'.repeat(100_001)]) {
    await input.fill(text)
    await note.waitFor()
    for (const language of ['c', 'python']) {
      await chooseLanguage(page, language)
      await page.getByRole('tab', { name: 'Custom input' }).click()
      assert.equal(await input.inputValue(), text)
      await note.waitFor()
    }
    if (text.length < 1000) await check('custom-input-not-stored')
    await empty(page)
    await input.fill('1 0\n')
    await note.waitFor({ state: 'detached' })
  }
  await page.reload()
  await page.getByRole('tab', { name: 'Custom input' }).click()
  assert.equal(await input.inputValue(), '1 0\n')
  await close()
})

test('offered code stays if the browser cannot store it as the draft, and a page whose draft is not stored asks before it is left', async () => {
  const { page, name, close } = await registered()
  await open(page)
  await write(page, '# mine\n')
  await onServer(page, '# mine\n')
  const long = `# theirs\n${'#'.repeat(50_000)}\n`
  const key = `cupel.draft/${name}/${SLUG}/python/versions`
  await page.evaluate(([key, text]) => localStorage.setItem(key, JSON.stringify([{ text, at: Date.now(), origin: 'tab', isOffered: true }])), [key, long])
  await page.reload()
  await shows(page, '# mine')
  // There is room for the replaced code, but not for the offered code a second time.
  await fill(page, 2_000)
  await page.getByRole('button', { name: 'Load that code' }).click()
  await page.getByText('The browser\'s storage is full, so your code was not replaced.').waitFor()
  await shows(page, '# mine')
  const texts = () => page.evaluate((key) => JSON.parse(localStorage.getItem(key)).map(({ text }) => text), key)
  assert.ok((await texts()).includes(long))
  await write(page, long)
  await page.getByText('This browser does not store your draft.').waitFor()
  const asked = page.waitForEvent('dialog')
  const reloaded = page.reload().catch(() => undefined)
  const dialog = await asked
  assert.equal(dialog.type(), 'beforeunload')
  await dialog.accept()
  await reloaded
  await empty(page)
  await page.getByRole('button', { name: 'Load that code' }).click()
  await shows(page, '# theirs')
  await close()
})
