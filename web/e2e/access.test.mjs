// Accessibility of the site, against the real server: filters by keyboard, error texts, high zoom, use without a mouse,
// and printing.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, afterEach, before, test } from 'node:test'
import { checkSize, closeVisits, launch, visit } from './browser.mjs'
import * as people from './people.mjs'
import { PASSWORD } from './people.mjs'
import { startServer } from './server.mjs'

const SLUG = 'calm-water'
const RIGHT = readFileSync(new URL(`../../problems/${SLUG}/submissions/accepted/queues.py`, import.meta.url), 'utf8')
/** Maximum layout shift. A larger shift is noticeable; Google calls scores up to 0.1 good. Source: web.dev/articles/cls */
const SHIFT_MAX = 0.05

let server
let browser
before(async () => {
  ;[server, browser] = await Promise.all([startServer(), launch()])
})
after(async () => {
  await browser?.close()
  await server?.stop()
})
afterEach(async () => {
  await closeVisits(browser)
})

const registered = (path, options) => people.registered(server, browser, { path, ...options })

/** Presses Tab until the element has the focus. */
async function tabTo(page, locator) {
  for (let presses = 0; presses < 80; presses += 1) {
    if (await locator.evaluate((element) => element === document.activeElement || element.getRootNode().activeElement === element)) return
    await page.keyboard.press('Tab')
  }
  assert.fail('the keyboard does not reach the element')
}

test('problems can be filtered by several tags; the page shows counts, and the URL has the tags', async () => {
  const { page, check, close } = await registered()
  const all = await page.evaluate(async () => (await (await fetch('/api/v1/problems?limit=100')).json()).problems)
  const [tag, other] = all.find((problem) => problem.tags.length > 1).tags
  await page.getByText('Calm Water').waitFor()
  await page.getByRole('combobox', { name: 'Tags' }).click()
  const count = all.filter((problem) => problem.tags.includes(tag)).length
  await page.getByRole('combobox', { name: 'Search tags' }).fill(tag)
  await page.getByRole('option', { name: `${tag} ${count} problem` }).click()
  await page.getByRole('combobox', { name: 'Search tags' }).fill(other)
  await page.getByRole('option', { name: new RegExp(`^${other} `) }).click()
  await check('tag-picker')
  await page.keyboard.press('Escape')
  await page.getByRole('combobox', { name: 'Search tags' }).waitFor({ state: 'hidden' })
  assert.equal(new URL(page.url()).searchParams.get('tag'), `${tag},${other}`)
  const both = all.filter((problem) => problem.tags.includes(tag) && problem.tags.includes(other)).length
  await page.waitForFunction((n) => document.querySelectorAll('a[data-row]').length === n, both)
  // When the list is opened again, the chosen tags come first. The numbers are those of the problems that match the other filters.
  await page.getByRole('combobox', { name: 'Tags' }).click()
  await page.getByRole('option', { name: `${tag} ${both} problem` }).waitFor()
  const first = (await page.locator('[role=option]').allInnerTexts()).slice(0, 2)
  assert.deepEqual(first.map((text) => text.split('\n')[0].trim()), [tag, other])
  await page.keyboard.press('Escape')
  await page.reload()
  await page.getByRole('button', { name: `Remove the tag ${tag}` }).click()
  await page.waitForFunction((one) => new URL(location.href).searchParams.get('tag') === one, other)
  await close()
})

test('Enter and the arrow lead from the search field to the first problem that matches, and tags that begin with the text come first', async () => {
  const { page, close } = await registered()
  await page.getByText('Calm Water').waitFor()
  const focused = (text) => page.waitForFunction((text) => document.activeElement?.matches('a[data-row]') && document.activeElement.textContent === text, text)
  for (const key of ['Enter', 'ArrowDown']) {
    await page.getByRole('searchbox', { name: 'Search by title or tag' }).fill(key === 'Enter' ? 'calm' : 'cracking')
    await page.keyboard.press(key)
    await focused(key === 'Enter' ? 'Calm Water' : 'Cracking Point')
  }
  // The field also finds tags.
  await page.getByRole('searchbox', { name: 'Search by title or tag' }).fill('sorting')
  await page.keyboard.press('Enter')
  await page.waitForFunction(() => document.activeElement?.matches('a[data-row]'))
  const tags = await page.locator('li:has(a[data-row])').allInnerTexts()
  assert.ok(tags.length > 0 && tags.every((text) => /\bsorting\b/.test(text)), `${tags}`)
  await page.getByRole('searchbox', { name: 'Search by title or tag' }).fill('')
  await page.getByText('Calm Water').waitFor()
  await page.getByRole('combobox', { name: 'Tags' }).click()
  await page.getByRole('combobox', { name: 'Search tags' }).fill('search')
  await page.locator('[role=option]').nth(1).waitFor()
  const shown = await page.locator('[role=option]').allInnerTexts()
  const begins = shown.map((text) => text.startsWith('search'))
  assert.deepEqual(begins, begins.toSorted((a, b) => Number(b) - Number(a)), `${shown}`)
  await close()
})

test('Escape leads from the search field back to the keys of the list, and the text stays', async () => {
  const { page, close } = await registered('/problems')
  await page.getByText('Calm Water').waitFor()
  const field = page.getByRole('searchbox')
  await field.fill('calm')
  await page.waitForURL('**/problems?q=calm')
  // The list is shown until the server has answered, and its rows go then, with the focus.
  await page.waitForFunction(() => document.querySelectorAll('a[data-row]').length === 1)
  await field.press('Escape')
  await page.keyboard.press('j')
  assert.equal(await field.inputValue(), 'calm')
  assert.equal(await page.evaluate(() => document.activeElement.getAttribute('href')), `/problems/${SLUG}`)
  await close()
})

test('the palette shows titles that begin with the text before problems with a tag that contains it', async () => {
  const { page, close } = await registered('/problems')
  await page.getByText('Calm Water').waitFor()
  await page.keyboard.press('Control+k')
  await page.getByRole('dialog').getByRole('combobox').fill('cl')
  await page.getByRole('option', { name: 'Bath Lockers' }).waitFor()
  assert.match(await page.getByRole('option').first().innerText(), /^Cl/)
  await close()
})

test('a statement that does not exist in the page\'s language has a note about it', async () => {
  const { page, close } = await visit(browser, { language: 'zh-CN' })
  await page.goto(`${server.url}/problems/${SLUG}`)
  await page.getByText('没有中文版，以下为英语。').waitFor()
  await close()
})

test('a visitor has no filter by state; the address of such a list leads to the sign-in', async () => {
  const { page, check, close } = await visit(browser)
  await page.goto(`${server.url}/problems`)
  await page.getByText('Calm Water').waitFor()
  await page.getByLabel('Difficulty').waitFor()
  assert.equal(await page.getByLabel('State').count(), 0)
  await page.goto(`${server.url}/problems?state=solved`)
  await page.getByText('Sign in to see what you have solved').waitFor()
  await check('list-state-visitor')
  await page.getByRole('main').getByRole('link', { name: 'Sign in' }).click()
  await page.waitForURL(/\/sign-in\?then=%2Fproblems%3Fstate%3Dsolved$/)
  await close()
})

test('a key moves the focus to the filters, and single-key shortcuts can be turned off', async () => {
  const { page, check, close } = await registered()
  await page.getByText('Calm Water').waitFor()
  await page.keyboard.press('f')
  assert.equal(await page.evaluate(() => document.activeElement.getAttribute('aria-label')), 'Difficulty')
  await page.keyboard.press('/')
  await page.getByRole('searchbox').and(page.locator(':focus')).waitFor()
  await page.getByRole('heading', { level: 1 }).click()
  await page.keyboard.press('?')
  await page.getByLabel('Single-key shortcuts').uncheck()
  await check('shortcuts-off')
  await page.keyboard.press('Escape')
  await page.getByRole('dialog').waitFor({ state: 'hidden' })
  await page.reload()
  await page.getByText('Calm Water').waitFor()
  for (const key of ['j', 'f', '/', '?']) await page.keyboard.press(key)
  assert.deepEqual(await page.evaluate(() => [document.activeElement === document.body, document.querySelectorAll('[role=dialog]').length]), [true, 0])
  await page.keyboard.press('Control+k')
  await page.getByRole('dialog', { name: 'Search and commands' }).waitFor()
  await close()
})

test('another key can be chosen for a shortcut, unless another shortcut has it, and the usual keys can be restored', async () => {
  const { page, check, close } = await registered()
  await page.getByText('Calm Water').waitFor()
  await page.keyboard.press('?')
  const dialog = page.getByRole('dialog', { name: 'Keyboard shortcuts' })
  await dialog.getByRole('button', { name: 'Next problem: j' }).click()
  await page.keyboard.press('k')
  await dialog.getByText('“k” is the key for “Previous problem”').waitFor()
  await check('shortcuts-choose')
  await page.keyboard.press('Control+n')
  await dialog.getByText('Press a key with one character').waitFor()
  // Escape ends the choice, and does not close the list.
  await page.keyboard.press('Escape')
  await dialog.getByRole('button', { name: 'Next problem: j' }).press('Enter')
  await page.keyboard.press('n')
  await dialog.getByRole('button', { name: 'Next problem: n' }).waitFor()
  await dialog.getByRole('button', { name: 'Search problems: /' }).click()
  await page.keyboard.press(';')
  await page.keyboard.press('Escape')
  await dialog.waitFor({ state: 'hidden' })
  await page.reload()
  await page.getByText('Calm Water').waitFor()
  const row = () => page.evaluate(() => [...document.querySelectorAll('a[data-row]')].indexOf(document.activeElement))
  await page.keyboard.press('j')
  assert.equal(await row(), -1)
  await page.keyboard.press('n')
  assert.equal(await row(), 0)
  await page.keyboard.press(';')
  await page.getByRole('searchbox').and(page.locator(':focus')).waitFor()
  assert.equal(await page.getByRole('searchbox').getAttribute('placeholder'), 'Search by title or tag  ;')
  await page.keyboard.press('Escape')
  await page.keyboard.press('?')
  await dialog.getByRole('button', { name: 'Restore the usual keys' }).click()
  await dialog.getByRole('button', { name: 'Next problem: j' }).waitFor()
  await close()
})

test('the keys j and k move down and up in the list, and stop at its ends', async () => {
  const { page, close } = await registered()
  await page.getByText('Calm Water').waitFor()
  const rows = await page.locator('a[data-row]').count()
  const at = () => page.evaluate(() => [...document.querySelectorAll('a[data-row]')].indexOf(document.activeElement))
  const places = []
  for (const key of ['j', 'j', 'j', 'k', 'k', 'k']) {
    await page.keyboard.press(key)
    places.push(await at())
  }
  assert.deepEqual(places, [0, 1, 2, 1, 0, 0])
  // Without a place in the list, k begins at its end.
  await page.evaluate(() => document.activeElement.blur())
  await page.keyboard.press('k')
  assert.equal(await at(), rows - 1)
  await page.keyboard.press('j')
  assert.equal(await at(), rows - 1)
  await close()
})

test('a spinner turns while a program runs, unless the user prefers reduced motion', async () => {
  const { page, close } = await registered('/playground')
  await page.getByRole('textbox', { name: /Source code/ }).waitFor()
  // With two minutes of real time. It prints, because a program that waits ends at the idle limit.
  await page.getByText('Arguments, files and limits').click()
  await page.getByLabel('CPU time in seconds').fill('60')
  await page.getByText('Arguments, files and limits').click()
  await people.write(page, 'import time\nwhile True:\n    print(1, flush=True)\n    time.sleep(1)\n')
  await page.getByRole('button', { name: 'Run', exact: true }).click()
  await page.locator('[data-phase=running]').waitFor()
  /** Names of the animations and transitions in progress, also those in shadow roots. */
  const moving = () =>
    page.evaluate(() => {
      const roots = [document, ...[...document.querySelectorAll('*')].flatMap((one) => one.shadowRoot ?? [])]
      return roots.flatMap((root) => root.getAnimations().filter((one) => one.playState === 'running').map((one) => one.animationName ?? one.transitionProperty))
    })
  for (const preference of ['reduce', 'no-preference', 'reduce']) {
    await page.emulateMedia({ reducedMotion: preference })
    // A spinner and a transition begin when their next frame is drawn.
    await page.getByRole('button', { name: 'Stop', exact: true }).hover()
    await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))))
    if (preference === 'reduce') assert.deepEqual(await moving(), [])
    else assert.ok((await moving()).includes('spin'), `${await moving()}`)
  }
  await page.getByRole('button', { name: 'Stop', exact: true }).click()
  await close()
})

test('on a phone, the list shows how many submissions were accepted', async () => {
  const { page, close } = await registered('/problems', { width: 360 })
  await page.route('**/api/v1/problems?*', async (route) => {
    const answer = await route.fetch()
    const body = await answer.json()
    body.problems[0].statistics = { ...body.problems[0].statistics, submissions: 4, accepted: 1, solved_by: 1 }
    await route.fulfill({ response: answer, json: body })
  })
  await page.reload()
  await page.getByText('25 %').first().waitFor()
  assert.equal(await page.getByText('25 %').first().isVisible(), true)
  const heights = await page.locator('li:has(a[data-row])').evaluateAll((rows) => rows.map((row) => row.getBoundingClientRect().height))
  assert.ok(heights.length > 0 && heights.every((height) => height >= 44), `rows of ${heights} px`)
  await close()
})

test('the offline notice covers neither the bar nor the code\'s start nor Run, and can be closed', async () => {
  for (const width of [1280, 360]) {
    const { page, context, close } = await registered('/playground', { width })
    const editor = page.getByRole('textbox', { name: /Source code/ })
    await editor.waitFor()
    // Fonts and scripts that arrive later change the layout, and scripts cannot be loaded without a connection.
    await page.waitForLoadState('networkidle')
    await page.waitForFunction(() => document.fonts.status === 'loaded' && document.querySelector('[data-editor]').shadowRoot.querySelector('.cm-cursorLayer') !== null)
    const before = await page.locator('[data-editor]').boundingBox()
    await context.setOffline(true)
    const notice = page.getByText('You are offline.')
    await notice.waitFor()
    // On a phone, it has a row of its own, which goes when it is closed.
    if (width >= 900) assert.deepEqual(await page.locator('[data-editor]').boundingBox(), before)
    else await page.getByRole('link', { name: 'Contests' }).tap({ trial: true })
    await checkSize(page, `offline at ${width} px`)
    await page.getByRole('button', { name: 'Run', exact: true }).click({ trial: true })
    await editor.locator('.cm-line').first().click({ trial: true })
    if (process.env.SHOTS !== undefined) await page.screenshot({ path: `${process.env.SHOTS}/offline-${width}.png` })
    // A mouse would then be over a menu of the bar, whose script cannot be loaded now.
    if (width < 900) await page.getByRole('button', { name: 'Close' }).tap()
    else await page.getByRole('button', { name: 'Close' }).click()
    await notice.waitFor({ state: 'hidden' })
    assert.deepEqual(await page.locator('[data-editor]').boundingBox(), before)
    await context.setOffline(false)
    await page.evaluate(() => navigator.onLine || new Promise((resolve) => addEventListener('online', resolve, { once: true })))
    // The notice of the next interruption is shown again.
    await context.setOffline(true)
    await notice.waitFor()
    await context.setOffline(false)
    await notice.waitFor({ state: 'hidden' })
    await close()
  }
})

test('on a phone, the offline notice covers neither the code nor the keys above the on-screen keyboard', async () => {
  const width = 360
  for (const path of ['/playground', `/problems/${SLUG}`]) {
    const { page, context, close } = await registered(path, { width })
    await page.getByRole('tab', { name: 'Code' }).click()
    await page.getByRole('textbox', { name: /Source code/ }).click()
    await context.setOffline(true)
    const notice = page.locator('[data-offline]')
    // The on-screen keyboard makes the window lower.
    for (const height of [740, 560, 420, 290]) {
      await page.setViewportSize({ width, height })
      await page.waitForFunction(() => document.documentElement.dataset.typing === 'code')
      await notice.waitFor({ state: height >= 480 ? 'visible' : 'hidden' })
      const below = await page.evaluate(() => {
        const { bottom } = document.querySelector('[data-offline]').getBoundingClientRect()
        return ['[data-editor]', '[role=group]', '[role=tablist]'].map((part) => Math.round(document.querySelector(`main ${part}`).getBoundingClientRect().top - bottom))
      })
      if (height >= 480) assert.ok(below.every((distance) => distance >= 0), `${path}, ${height} px: ${below}`)
    }
    await context.setOffline(false)
    await notice.waitFor({ state: 'detached' })
    await close()
  }
})

test('the browser\'s button Back closes the topmost dialog, and only then leaves the page', async () => {
  const { page, close } = await registered('/contests')
  await page.goto(`${server.url}/problems/${SLUG}`)
  const path = () => new URL(page.url()).pathname
  const palette = page.getByRole('dialog', { name: 'Search and commands' })
  const versions = page.getByRole('dialog', { name: 'History of this code' })
  const shortcuts = page.getByRole('dialog', { name: 'Keyboard shortcuts' })
  const is = (dialog, state) => dialog.waitFor({ state })
  /** Opens the palette, and types a text and Enter. */
  const command = async (text) => {
    await page.keyboard.press('Control+k')
    await palette.getByRole('combobox').and(page.locator(':focus')).waitFor()
    await page.keyboard.type(text)
    await page.keyboard.press('Enter')
  }
  await page.getByRole('button', { name: 'History', exact: true }).click()
  await is(versions, 'visible')
  await page.keyboard.press('Control+k')
  await is(palette, 'visible')
  await page.goBack()
  await is(palette, 'hidden')
  assert.equal(await versions.isVisible(), true)
  await page.keyboard.press('Control+k')
  await is(palette, 'visible')
  await page.keyboard.press('Escape')
  await is(palette, 'hidden')
  assert.equal(await versions.isVisible(), true)
  await page.goBack()
  await is(versions, 'hidden')
  assert.equal(path(), `/problems/${SLUG}`)

  // One dialog takes the place of another.
  await command('keyboard shortcuts')
  await is(shortcuts, 'visible')
  await is(palette, 'hidden')
  await page.goBack()
  await is(shortcuts, 'hidden')
  assert.equal(path(), `/problems/${SLUG}`)

  // A page that was opened from the palette is one step from the page before, and Back still works after it.
  await command('playground')
  await page.waitForURL(/\/playground$/)
  await page.getByRole('button', { name: 'Share' }).waitFor()
  await page.goBack()
  await page.waitForURL(new RegExp(`/problems/${SLUG}$`))
  await page.getByRole('button', { name: 'Submit' }).waitFor()
  await page.keyboard.press('Control+k')
  await is(palette, 'visible')
  await page.keyboard.press('Escape')
  await is(palette, 'hidden')
  await page.waitForFunction(() => history.state.cupelDialog === undefined)
  await page.goBack()
  await page.getByRole('heading', { name: 'Contests', exact: true }).waitFor()
  await close()
})

const REFUSALS = [
  ['queue-full', 503, '服务器已满', '请稍候再试', 7],
  ['no-worker', 503, '现在没有机器可以运行这种语言', '选择其他语言'],
  ['language-unavailable', 422, '这种语言现在不可用', '请选择其他语言'],
  ['rate-limited', 429, '操作过于频繁', '服务器要求等待 12 秒', 12],
  ['unauthorized', 401, '登录已失效', '重新登录后会回到此页面'],
]

test('an error is explained in the user\'s language, together with the server\'s own message', async () => {
  const { page, check, close, faults } = await registered(`/problems/${SLUG}`, { language: 'zh-CN' })
  await page.getByRole('textbox', { name: /源代码|代码/ }).click()
  await page.keyboard.insertText('print(1)\n')
  // One route for all refusals: the browser's interception stays on between them.
  let refusal
  await page.route('**/run', (route) => {
    const { code, status, wait } = refusal
    return route.fulfill({
      status,
      headers: { 'content-type': 'application/problem+json', ...(wait && { 'retry-after': String(wait) }) },
      body: JSON.stringify({ type: `/errors/${code}`, title: 'Title', status, detail: `Words about ${code}.`, code, request_id: '0199a4e2c5d07f3e' }),
    })
  })
  for (const [code, status, title, todo, wait] of REFUSALS) {
    refusal = { code, status, wait }
    await page.keyboard.press("Control+'")
    const box = page.getByRole('alert').filter({ hasText: title })
    if (code === 'unauthorized') {
      // The server's message adds nothing.
      await box.waitFor()
      await page.getByText(todo).waitFor()
      await page.getByRole('link', { name: '登录' }).first().waitFor()
      assert.equal(await box.locator('[lang=en]').count(), 0)
      continue
    }
    await box.getByText(todo).waitFor()
    assert.equal(await box.locator('[lang=en]').innerText(), `Words about ${code}.`)
    await box.getByText('0199a4e2c5d07f3e').waitFor()
    if (code === 'queue-full') await check('refusal-zh')
  }
  // The browser reports the responses with status 503 that this test has sent.
  faults.splice(0, faults.length, ...faults.filter((fault) => !/status of 503/.test(fault)))
  await close()
})

test('a contest that has ended is marked as over in words', async () => {
  const key = /API key: (\S+)/.exec(server.stderr())[1]
  const contest = { slug: 'short', title: 'Short Cup', style: 'icpc', starts_at: new Date(Date.now() - 3_600_000).toISOString(), length_seconds: 7200, public: true, problems: [SLUG] }
  const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' }
  const answer = await fetch(`${server.url}/api/v1/contests`, { method: 'POST', headers, body: JSON.stringify(contest) })
  assert.ok(answer.ok, await answer.text())
  const { page, close } = await registered('/contests/short', { language: 'zh-CN' })
  await page.route('**/contests/short/participation*', (route) => route.fulfill({ status: 409, contentType: 'application/problem+json', json: { status: 409, code: 'conflict', title: 'Conflict', detail: 'The contest has ended; you may take part virtually.' } }))
  await page.locator('main button').filter({ hasText: /参加|加入/ }).first().click()
  const box = page.getByRole('alert')
  await box.getByText('请刷新页面查看当前状态').waitFor()
  assert.match(await box.locator('[lang=en]').innerText(), /The contest has ended/)
  await close()
})

test('at 400 % zoom, a line of the editor is visible and Run can be reached', async () => {
  const { page, close } = await registered(`/problems/${SLUG}`)
  await page.setViewportSize({ width: 320, height: 256 })
  for (const path of [`/problems/${SLUG}`, '/playground']) {
    await page.goto(`${server.url}${path}`)
    await page.getByRole('tab', { name: 'Code' }).click()
    const editor = page.getByRole('textbox', { name: /Source code/ })
    await editor.click()
    await page.keyboard.press('Control+End')
    const line = page.locator('.cm-activeLine')
    await line.scrollIntoViewIfNeeded()
    const { y, height } = await line.boundingBox()
    assert.ok(y >= 0 && y + height <= 256 && height >= 16, `${path}: the line is at ${y}, ${height} px high`)
    await page.keyboard.insertText('n = 1\n'.repeat(12))
    // Nothing covers the caret at the end of the text.
    await page.waitForFunction(() => {
      const host = document.querySelector('[data-editor]')
      const caret = host.shadowRoot.querySelector('.cm-cursor-primary')?.getBoundingClientRect()
      return caret !== undefined && [0.2, 0.8].every((share) => document.elementFromPoint(caret.left + 1, caret.top + caret.height * share) === host)
    })
    const visible = await page.locator('[data-editor]').evaluate((element) => element.clientHeight)
    assert.ok(visible >= 40, `${path}: the editor is ${visible} px high`)
    const over = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth)
    assert.ok(over <= 0, `${path} is ${over} px wider than the window`)
    const run = page.getByRole('button', { name: 'Run', exact: true })
    await run.scrollIntoViewIfNeeded()
    const place = await run.boundingBox()
    assert.ok(place.y >= 0 && place.y + place.height <= 256 && place.x + place.width <= 320, `${path}: Run is at ${JSON.stringify(place)}`)
    await run.click({ trial: true })
  }
  await close()
})

/**
 * The controls that a person cannot use, although they are shown: something covers their middle after they were scrolled into view, or
 * they are beside the window and do not scroll sideways.
 */
const outOfReach = (page, around) =>
  page.locator(around).evaluate(async (root) => {
    const lost = []
    const controls = [...root.querySelectorAll('a[href], button, input, select, textarea, summary, [role=tab], [role=option], [role=combobox]')]
    for (const one of controls) {
      if (!one.checkVisibility({ visibilityProperty: true }) || one.getBoundingClientRect().width <= 1 || one.closest('.sr-only') !== null) continue
      one.scrollIntoView({ block: 'center', inline: 'center' })
      await new Promise(requestAnimationFrame)
      const { left, top, width, height } = one.getClientRects()[0]
      const [x, y] = [left + width / 2, top + height / 2]
      const hit = document.elementFromPoint(x, y)
      const isHit = hit !== null && (one.contains(hit) || hit.closest('label')?.contains(one) === true)
      if (!isHit) lost.push(`${one.tagName} ${one.getAttribute('aria-label') ?? one.textContent.slice(0, 40)} at ${Math.round(x)}, ${Math.round(y)}: ${hit?.tagName} ${hit?.className}`)
    }
    return lost
  })

test('at 400 % zoom, every control of the other pages can be reached, and no page scrolls sideways', async () => {
  await people.makeContest(server, 'zoomed', 'Zoomed Cup', -people.HOUR)
  const isSound = async (page, name, around = 'body') => {
    await checkSize(page, name)
    assert.deepEqual(await outOfReach(page, around), [], name)
    await checkSize(page, `${name}, scrolled`)
  }
  const zoomed = async (visitor) => {
    await visitor.page.setViewportSize({ width: 320, height: 256 })
    return visitor
  }
  const guest = await zoomed(await visit(browser))
  for (const [path, ready] of [['/sign-in', 'Sign in'], ['/register', 'Create an account']]) {
    await guest.page.goto(`${server.url}${path}`)
    await guest.page.getByRole('heading', { name: ready, exact: true }).waitFor()
    await isSound(guest.page, path)
  }
  await guest.close()

  const { page, close } = await zoomed(await registered())
  const open = async (path, ready) => {
    await page.goto(`${server.url}${path}`)
    await ready.first().waitFor()
    await isSound(page, path)
  }
  await open('/problems', page.getByText('Calm Water'))
  await open('/contests', page.getByRole('link', { name: 'Zoomed Cup' }))
  await open('/contests/zoomed', page.getByRole('button', { name: 'Take part' }))
  await page.getByRole('button', { name: 'Take part' }).click()
  await page.getByText('You are taking part', { exact: true }).waitFor()
  await open('/contests/zoomed', page.getByRole('link', { name: 'Calm Water' }))
  await open('/contests/zoomed?view=standings', page.getByRole('row').nth(1))
  await open('/contests/zoomed?view=clarifications', page.getByRole('heading', { name: 'Ask the organizers' }))
  await open('/account', page.getByText('You have not solved a problem yet'))
  await open('/account?view=security', page.getByText('This browser'))
  await open('/account?view=keys', page.getByLabel('Name', { exact: true }))
  await page.keyboard.press('Control+k')
  const palette = page.getByRole('dialog', { name: 'Search and commands' })
  await palette.waitFor()
  await page.keyboard.type('cup')
  await palette.getByRole('option', { name: 'Zoomed Cup' }).waitFor()
  await isSound(page, 'palette', '[role=dialog]')
  await close()

  const admin = await zoomed(await registered())
  server.command('user', 'role', admin.name, 'admin')
  // Servers keep a user's role for a few seconds.
  const role = async () => (await (await admin.page.request.get(`${server.url}/api/v1/session`)).json()).user.role
  await people.until('the user is an administrator', async () => (await role()) === 'admin')
  await admin.page.goto(`${server.url}/admin`)
  await admin.page.getByRole('heading', { name: 'Languages' }).waitFor()
  await isSound(admin.page, '/admin')
  await admin.close()
})

test('the first press of Tab leads past everything else to the editor', async () => {
  for (const width of [1280, 360]) {
    const { page, close } = await visit(browser, { width })
    for (const path of [`/problems/${SLUG}`, '/playground']) {
      await page.goto(`${server.url}${path}`)
      await page.locator('.cm-content').waitFor({ state: 'attached' })
      await page.keyboard.press('Tab')
      const skip = page.getByRole('button', { name: 'Skip to the editor' })
      const { width: shown } = await skip.boundingBox()
      assert.ok(shown > 40, `the link is ${shown} px wide`)
      await page.keyboard.press('Enter')
      await page.keyboard.type('# here ')
      await page.getByRole('textbox', { name: /Source code/ }).getByText('# here ').waitFor()
    }
    await close()
  }
})

test('the link that skips to the editor also works while the editor is loaded, unless the focus moves on', async () => {
  for (const width of [1280, 360]) {
    const { page, close } = await visit(browser, { width })
    let release
    const held = new Promise((resolve) => (release = resolve))
    await page.route('**/assets/Editor-*.js', async (route) => {
      await held
      await route.continue()
    })
    await page.goto(`${server.url}/problems/${SLUG}`)
    const skip = page.getByRole('button', { name: 'Skip to the editor' })
    await skip.focus()
    await page.keyboard.press('Enter')
    release()
    await page.waitForFunction(() => document.activeElement?.hasAttribute('data-editor'))
    await page.keyboard.type('# here ')
    await page.getByRole('textbox', { name: /Source code/ }).getByText('# here ').waitFor()
    await close()
  }
  const { page, close } = await visit(browser)
  let release
  const held = new Promise((resolve) => (release = resolve))
  await page.route('**/assets/Editor-*.js', async (route) => {
    await held
    await route.continue()
  })
  await page.goto(`${server.url}/problems/${SLUG}`)
  await page.getByRole('button', { name: 'Skip to the editor' }).focus()
  await page.keyboard.press('Enter')
  const content = page.getByRole('button', { name: 'Skip to content' })
  await content.focus()
  release()
  await page.locator('.cm-content').waitFor()
  assert.equal(await content.evaluate((button) => document.activeElement === button), true)
  await close()
})

test('from the list of problems, the editor is one press of Tab or one key away', async () => {
  const { page, close } = await registered()
  const skip = page.getByRole('button', { name: 'Skip to the editor' })
  for (const key of ['Tab', 'e']) {
    await page.goto(`${server.url}/problems`)
    await page.getByText('Calm Water').waitFor()
    await page.keyboard.press('j')
    await page.keyboard.press('Enter')
    await page.locator('.cm-content').waitFor({ state: 'attached' })
    // Nothing has the focus, so these keys scroll the statement.
    const scrolled = () => page.locator('#panel-statement').evaluate((pane) => pane.scrollTop)
    await page.keyboard.press('PageDown')
    assert.ok((await scrolled()) > 0)
    await page.keyboard.press('PageUp')
    assert.equal(await scrolled(), 0)
    await page.keyboard.press(key)
    if (key === 'Tab') {
      await skip.and(page.locator(':focus')).waitFor()
      await page.keyboard.press('Enter')
    }
    await page.keyboard.type('# here ')
    await page.getByRole('textbox', { name: /Source code/ }).getByText('# here ').waitFor()
    assert.equal(await page.getByRole('textbox', { name: /Source code/ }).getByText('e# here').count(), 0)
  }
  await close()
})

test('on a phone, the bar has links to the problems, the playground and the contests that are large enough to be tapped', async () => {
  for (const [language, links] of [['en', ['Problems', 'Playground', 'Contests']], ['zh-CN', ['题目', '练习场', '比赛']]]) {
    for (const viewport of [360, 390]) {
      const { page, check, close } = await visit(browser, { width: viewport, language })
      await page.goto(`${server.url}/contests`)
      await page.getByRole('heading', { level: 1 }).waitFor()
      await page.getByRole('banner').getByRole('button', { name: language === 'en' ? 'Your account' : '你的账户' }).waitFor()
      const mark = page.getByRole('link', { name: 'Cupel' })
      const { width, height } = await mark.boundingBox()
      assert.ok(width >= 40 && height >= 40, `the first link is ${width} x ${height} px`)
      assert.deepEqual(await page.getByRole('navigation').first().getByRole('link').allInnerTexts(), links)
      await check(`bar-${language}`)
      await close()
    }
  }
})

test('an unknown address and an unknown program are shown as such, with a way on', async () => {
  const { page, close } = await visit(browser)
  await page.goto(`${server.url}/p/NONE`)
  await page.getByRole('heading', { name: 'Program not found' }).waitFor()
  await page.getByText('This program does not exist, or it is no longer shared.').waitFor()
  await page.getByRole('link', { name: 'Open the playground' }).click()
  await page.waitForURL(/\/playground$/)
  await page.goto(`${server.url}/problems/no-such-problem`)
  await page.getByRole('heading', { name: 'Problem not found' }).waitFor()
  await page.getByRole('link', { name: 'All problems' }).click()
  await page.getByRole('heading', { name: 'Problems', exact: true }).waitFor()
  // An address that only the site knows nothing of.
  await page.evaluate(() => history.pushState({}, '', '/contests/a/b'))
  await page.evaluate(() => dispatchEvent(new PopStateEvent('popstate')))
  await page.getByRole('heading', { name: 'Page not found' }).waitFor()
  await close()
})

test('the editor begins with the frame of a program, which is no draft and cannot be submitted', async () => {
  const { page, close } = await registered(`/problems/${SLUG}`)
  const editor = page.getByRole('textbox', { name: /Source code/ })
  await editor.getByText('def main():').waitFor()
  assert.equal(await page.getByRole('button', { name: 'Reset', exact: true }).isDisabled(), true)
  assert.deepEqual(await page.evaluate(() => Object.keys(localStorage).filter((key) => key.startsWith('cupel.draft/'))), [])
  await page.getByRole('button', { name: 'Submit' }).click()
  await page.getByText('This is the code to start from. Write your solution first.').waitFor()
  await close()
})

test('Reset keeps the focus, and the focus stays in the list of problems when a button has removed a filter', async () => {
  const { page, close } = await registered('/problems')
  const all = await page.evaluate(async () => (await (await fetch('/api/v1/problems?limit=100')).json()).problems)
  const [tag, other] = all.find((problem) => problem.tags.length > 1).tags
  const inList = () => page.waitForFunction(() => document.activeElement.matches('main > div') && document.activeElement.querySelector('h1') !== null)
  await page.goto(`${server.url}/problems?tag=${tag},${other}`)
  for (const one of [tag, other]) {
    await page.evaluate(() => document.activeElement.blur())
    const button = page.getByRole('button', { name: `Remove the tag ${one}` })
    await button.press('Enter')
    await button.waitFor({ state: 'detached' })
    await inList()
  }
  await page.goto(`${server.url}/problems?q=nothing-has-this-name`)
  const clear = page.getByRole('button', { name: 'Clear filters' })
  await clear.press('Enter')
  await clear.waitFor({ state: 'detached' })
  await inList()

  await page.goto(`${server.url}/problems/${SLUG}`)
  const reset = page.getByRole('button', { name: 'Reset', exact: true })
  await page.getByRole('textbox', { name: /Source code/ }).click()
  await page.keyboard.type('# mine')
  await reset.press('Enter')
  await page.getByText('The editor has the starting code again.').waitFor()
  assert.equal(await reset.isDisabled(), true)
  assert.ok(await reset.evaluate((element) => element === document.activeElement))
  await close()
})

test('without the storage of the browser, the theme and the choices hold for the page', async () => {
  const { page, close } = await registered('/problems')
  await page.addInitScript(() => {
    Storage.prototype.setItem = () => {
      throw new DOMException('full', 'QuotaExceededError')
    }
  })
  await page.reload()
  const isDark = () => page.evaluate(() => document.documentElement.classList.contains('dark'))
  assert.equal(await isDark(), false)
  await page.getByRole('button', { name: 'Theme, Language' }).click()
  await page.getByRole('menuitemradio', { name: 'Dark' }).click()
  await page.waitForFunction(() => document.documentElement.classList.contains('dark'))
  await page.keyboard.press('Escape')
  // Single-key shortcuts can be turned off.
  await page.keyboard.press('?')
  const keys = page.getByRole('dialog').getByRole('checkbox').first()
  await keys.click()
  assert.equal(await keys.isChecked(), false)
  await page.keyboard.press('Escape')
  await page.getByRole('dialog').waitFor({ state: 'detached' })
  await page.keyboard.press('/')
  assert.equal(await page.getByRole('searchbox').evaluate((box) => box === document.activeElement), false)
  await close()
})

test('a user can register, run code and view a difference without a mouse', async () => {
  const { page, close } = await visit(browser)
  await page.goto(`${server.url}/problems`)
  await page.getByText('Calm Water').waitFor()
  await tabTo(page, page.getByRole('link', { name: 'Register' }))
  await page.keyboard.press('Enter')
  await page.getByLabel('User name').waitFor()
  for (const [label, text] of [['User name', 'keys-only'], ['E-mail address', 'keys-only@example.com'], ['Password', PASSWORD]]) {
    await tabTo(page, page.getByLabel(label))
    await page.keyboard.type(text)
  }
  await page.keyboard.press('Enter')
  await page.getByText('Calm Water').waitFor()
  await page.keyboard.press('/')
  await page.keyboard.type('calm')
  await page.waitForFunction(() => document.querySelectorAll('a[data-row]').length === 1)
  await tabTo(page, page.getByRole('link', { name: 'Calm Water' }))
  await page.keyboard.press('Enter')
  await page.getByRole('heading', { name: 'Calm Water', level: 1 }).waitFor()
  // The statement scrolls with the keyboard.
  await tabTo(page, page.getByRole('tabpanel', { name: 'Statement' }))
  await page.keyboard.press('PageDown')
  await tabTo(page, page.getByRole('textbox', { name: /Source code/ }))
  await page.keyboard.press('Control+a')
  await page.keyboard.press('Delete')
  await page.keyboard.insertText(RIGHT.replace('begin + 1', 'begin + 7'))
  await page.keyboard.press('Control+Enter')
  await page.getByText(/Wrong answer on test \d+/).waitFor()
  await page.keyboard.press('Escape')
  await page.keyboard.press('Tab')
  await tabTo(page, page.getByRole('group', { name: 'Tests' }).locator('[aria-pressed=true]'))
  await page.keyboard.press('Home')
  await page.getByText('First difference in line 1.').waitFor()
  await tabTo(page, page.getByRole('region', { name: 'Your output, Expected output' }))
  await close()
})

test('a page that loads slowly shows its frame at once, and the layout does not shift', async () => {
  const { page, close } = await registered()
  await page.addInitScript(() => {
    window.shifts = 0
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.shifts += entry.value
    }).observe({ type: 'layout-shift', buffered: true })
  })
  for (const [path, ready] of [[`/problems/${SLUG}`, 'textbox'], ['/playground', 'textbox'], ['/account', 'link']]) {
    let open
    const gate = new Promise((resolve) => (open = resolve))
    await page.route('**/api/v1/**', async (route) => (await gate, route.continue()))
    await page.goto(`${server.url}${path}`)
    await page.getByRole('status', { name: 'Loading' }).waitFor()
    open()
    await page.getByRole(ready, { name: /Source code|Security/ }).waitFor()
    await page.waitForFunction(() => document.fonts.status === 'loaded')
    const shifts = await page.evaluate(() => window.shifts)
    assert.ok(shifts <= SHIFT_MAX, `${path} jumps: ${shifts}`)
    await page.unroute('**/api/v1/**')
  }
  await close()
})

test('a statement is printed completely in black on white, and its images have a light background in the dark theme', async () => {
  const { page, close } = await registered(`/problems/${SLUG}`, { theme: 'dark' })
  await page.locator('.statement .katex').first().waitFor()
  const ground = () =>
    page.evaluate(() => {
      const picture = document.querySelector('.statement').appendChild(Object.assign(document.createElement('img'), { src: '' }))
      const colour = getComputedStyle(picture).backgroundColor
      picture.remove()
      return colour
    })
  // Browsers write these colours as oklch or lab.
  const white = /^(oklch\(1|lab\(100) 0 0\)$/
  assert.match(await ground(), white)
  await page.emulateMedia({ media: 'print', colorScheme: 'dark' })
  const [text, back, cut] = await page.evaluate(() => {
    const statement = document.querySelector('.statement')
    const panel = statement.closest('[role=tabpanel]')
    return [getComputedStyle(statement).color, getComputedStyle(document.documentElement).backgroundColor, panel.scrollHeight - panel.clientHeight]
  })
  assert.match(text, /^(oklch|lab)\(0 0 0\)$/)
  assert.match(back, white)
  assert.equal(cut, 0)
  assert.equal(await page.getByRole('heading', { name: 'Calm Water', level: 1 }).isVisible(), true)
  for (const hidden of [page.locator('header'), page.locator('[data-editor]'), page.getByRole('button', { name: 'Run', exact: true })]) assert.equal(await hidden.isVisible(), false)
  await close()
})

test('no line of a statement begins with the mark after a formula, or ends with the bracket before one', async () => {
  const { page, close } = await visit(browser)
  await page.goto(`${server.url}/problems/terraced-orchard`)
  await page.locator('.katex-base').first().waitFor()
  for (const width of [1280, 1000, 920, 420, 360]) {
    await page.setViewportSize({ width, height: 800 })
    const torn = await page.evaluate(() => {
      const lineOf = (text, at) => {
        const range = document.createRange()
        range.setStart(text, at)
        range.setEnd(text, at + 1)
        return range.getBoundingClientRect()
      }
      return [...document.querySelectorAll('[data-math-style=inline]:has(.katex-base)')].filter((formula) => {
        const { previousSibling: before, nextSibling: after } = formula
        const parts = [...formula.querySelectorAll('.katex-base')].map((part) => part.getBoundingClientRect())
        const isBehind = after instanceof Text && /^[.,;:)]/.test(after.data) && lineOf(after, 0).top > parts.at(-1).bottom - 4
        return isBehind || (before instanceof Text && /[(]$/.test(before.data) && lineOf(before, before.data.length - 1).bottom < parts[0].top + 4)
      }).map((formula) => formula.textContent)
    })
    assert.deepEqual(torn, [], `${width} px`)
  }
  await close()
})

test('letters that are typed before the palette is loaded reach its search field', async () => {
  const { page, close } = await registered('/problems')
  await page.getByText('Calm Water').waitFor()
  let release
  const held = new Promise((resolve) => (release = resolve))
  await page.route('**/assets/Palette*.js', async (route) => {
    await held
    await route.continue()
  })
  // The focus may be in the editor, which must not get them.
  await page.goto(`${server.url}/problems/${SLUG}`)
  await page.getByRole('textbox', { name: /Source code/ }).click()
  const code = await page.locator('.cm-content').innerText()
  await page.keyboard.press('Control+k')
  await page.keyboard.type('calm')
  release()
  await page.getByRole('dialog').getByRole('combobox').and(page.locator('[value=calm]')).waitFor()
  await page.getByRole('option', { name: /Calm Water/ }).waitFor()
  assert.equal(await page.locator('.cm-content').innerText(), code)
  await close()
})

test('after Back, keys are no longer collected for a list that was opened and is not loaded yet', async () => {
  const { page, close } = await visit(browser)
  await page.route('**/assets/TagList*.js', () => undefined)
  await page.goto(`${server.url}/contests`)
  await page.getByRole('link', { name: 'Problems', exact: true }).click()
  await page.getByText('Calm Water').waitFor()
  await page.getByRole('combobox', { name: 'Tags' }).focus()
  await page.keyboard.press('Enter')
  await page.evaluate(() => history.back())
  await page.getByRole('heading', { name: 'Contests', exact: true }).waitFor()
  await page.keyboard.press('?')
  await page.getByRole('dialog').getByText('Search, and change settings').waitFor()
  await close()
})

test('a change of the site\'s language keeps the result of a run, and common tags are translated', async () => {
  const { page, close } = await registered(`/problems/${SLUG}`)
  await page.getByRole('textbox', { name: /Source code/ }).click()
  await page.keyboard.insertText('print(0, 0)\n')
  await page.keyboard.press("Control+'")
  await page.getByText('Wrong answer on sample 1').waitFor()
  await page.getByRole('button', { name: 'Theme, Language' }).click()
  await page.getByRole('menuitemradio', { name: '简体中文' }).click()
  // The choice closes the menu.
  await page.getByRole('menuitemradio').first().waitFor({ state: 'detached' })
  await page.getByText('双指针').waitFor()
  await page.locator('[data-verdict=WA]').waitFor()
  // Tags are in the order of their names in the language of the page.
  await page.goto(`${server.url}/problems`)
  await page.getByRole('combobox', { name: '标签' }).first().click()
  await page.locator('[role=option]').first().waitFor()
  const tags = (await page.locator('[role=option]').allInnerTexts()).map((text) => text.split('\n')[0].trim())
  assert.ok(tags.length > 10, `${tags}`)
  assert.deepEqual(tags, await page.evaluate((tags) => tags.toSorted((a, b) => a.localeCompare(b, 'zh-CN')), tags))
  await close()
})

test('Escape leaves the filters, so that the keys of the list work again', async () => {
  const { page, close } = await registered('/problems')
  await page.getByText('Calm Water').waitFor()
  await page.keyboard.press('f')
  await page.keyboard.press('Escape')
  await page.keyboard.press('j')
  await page.waitForFunction(() => document.activeElement?.matches('a[data-row]'))
  await close()
})

test('requests of the API reference may use the session of the browser, and only requests to this server', async () => {
  const { page, close } = await registered('/problems')
  await page.goto(`${server.url}/docs/`)
  await page.getByRole('heading', { name: 'Cupel' }).first().waitFor()
  const headers = await page.evaluate(async () => {
    const of = (url, headers = {}) => window.ui.getConfigs().requestInterceptor({ url, headers }).headers
    const url = new URL('../api/v1/execute', location.href).href
    const body = JSON.stringify({ language: 'python', source_code: 'print(1)' })
    const answer = await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json', ...of(url) }, body })
    return [answer.ok, of('http://other.example/'), of(url, { Authorization: 'Bearer key' })]
  })
  assert.deepEqual(headers, [true, {}, { Authorization: 'Bearer key' }])
  await close()
})
