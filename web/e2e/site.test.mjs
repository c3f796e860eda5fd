// The site in a browser, against the real server: the tasks of a student, on a laptop and on a phone, in both themes.
import assert from 'node:assert/strict'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { after, before, test } from 'node:test'
import { checkSize, chooseLanguage, launch, visit } from './browser.mjs'
import * as people from './people.mjs'
import { PASSWORD } from './people.mjs'
import { startProxy, startServer } from './server.mjs'

const SHELL_BYTES_MAX = 151_000
// The goals are 200 kB and 360 kB.
const PROBLEM_BYTES_MAX = 359_500
const solution = (slug, file) => readFileSync(new URL(`../../problems/${slug}/submissions/accepted/${file}`, import.meta.url), 'utf8')
const SLUG = 'calm-water'
const RIGHT = solution(SLUG, 'queues.py')
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

const registered = (options) => people.registered(server, browser, options)

/** Replaces the code by pasting. */
async function write(page, code) {
  const editor = page.getByRole('textbox', { name: /Source code/ })
  await editor.click()
  await page.keyboard.press('Control+a')
  await page.keyboard.press('Delete')
  await page.keyboard.insertText(code)
}

const verdict = (page, code) => page.locator(`[data-verdict="${code}"]`).waitFor()
const choose = chooseLanguage

test('a student registers, finds a problem, runs it, submits it, and it is accepted', async (t) => {
  const { page, check, close, scriptBytes } = await visit(browser)
  await page.goto(`${server.url}/register`)
  await people.register(page, 'newcomer')
  await page.getByText('Calm Water').waitFor()
  await check('list')
  t.diagnostic(`shell: ${scriptBytes()} bytes of scripts`)
  assert.ok(scriptBytes() <= SHELL_BYTES_MAX, `the shell has ${scriptBytes()} bytes of scripts`)

  await page.keyboard.press('/')
  await page.keyboard.type('calm')
  await page.waitForURL(/q=calm/)
  await page.waitForFunction(() => document.querySelectorAll('a[data-row]').length === 1)
  await page.getByRole('searchbox').blur()
  await page.keyboard.press('j')
  await page.keyboard.press('Enter')
  await page.getByRole('heading', { name: 'Calm Water', level: 1 }).waitFor()
  // Mathematics is typeset, and the samples can be copied.
  await page.locator('.statement .katex').first().waitFor()
  await page.getByRole('button', { name: 'Copy Sample 1, Input' }).click()
  assert.match(await page.evaluate(() => navigator.clipboard.readText()), /^\d+ \d+\n/)

  // The default language is Python. The list of languages is loaded when it is opened.
  await write(page, RIGHT)
  await check('problem')
  await page.getByRole('button', { name: 'Run' }).click()
  await verdict(page, 'AC')
  await page.getByText('on the samples').waitFor()
  await page.getByRole('button', { name: 'Submit' }).click()
  await page.waitForFunction(() => !document.body.innerText.includes('on the samples'))
  await verdict(page, 'AC')
  await page.getByText(/^(\d+) of \1 tests passed$/).waitFor()
  await page.getByRole('link', { name: /^Next problem: / }).waitFor()
  await page.getByRole('link', { name: 'Back to the list' }).waitFor()
  await check('accepted')
  // Math and the grammar of the language are loaded when they are needed.
  const bytes = scriptBytes() - sizeOf('math-')
  t.diagnostic(`problem page: ${bytes} bytes of scripts`)
  assert.ok(bytes <= PROBLEM_BYTES_MAX, `a problem page has ${bytes} bytes of scripts`)

  await page.getByRole('tab', { name: 'Submissions' }).click()
  await page.getByRole('list', { name: 'Your submissions' }).getByText('Accepted').waitFor()
  await check('submissions')
  await page.getByRole('link', { name: 'Cupel' }).click()
  await page.getByText('Calm Water').waitFor()
  await page.getByText('Solved', { exact: true }).first().waitFor({ state: 'attached' })
  await page.getByLabel('State').selectOption('New')
  await page.waitForURL(/state=new$/)
  await page.getByText('Calm Water').waitFor({ state: 'detached' })
  assert.notEqual(await page.locator('a[data-row]').count(), 0)
  await close()
})

/** Bytes of the built scripts with this prefix, compressed with gzip. */
function sizeOf(prefix) {
  const dist = new URL('../dist/assets/', import.meta.url)
  return readdirSync(dist)
    .filter((name) => name.startsWith(prefix) && name.endsWith('.js.gz'))
    .reduce((sum, name) => sum + statSync(new URL(name, dist)).size, 0)
}

test('for a wrong answer, the page shows the first failed test beside the expected output, with visible white space', async () => {
  const { page, check, close } = await registered({ path: `/problems/${SLUG}` })
  await choose(page, 'python')
  await write(page, WRONG.replace('print(longest, begin + 7)', 'print(longest, begin + 7, "")'))
  await page.getByRole('button', { name: 'Run' }).click()
  await verdict(page, 'WA')
  await page.getByText('First difference in line 1.').waitFor()
  const row = page.locator('tr[data-same="false"]').first()
  assert.match(await row.locator('td').nth(1).innerText(), /\d+·\d+·$/)
  await check('wrong-answer')
  await page.getByRole('button', { name: 'Submit' }).click()
  await page.getByText(/Wrong answer on test \d+/).waitFor()
  await close()
})

test('a sample, and a test of a result, open in the playground with the code', async () => {
  const { page, check, close } = await registered({ path: `/problems/${SLUG}` })
  await choose(page, 'python')
  await write(page, '# mine\nprint(input())\n')
  await page.getByRole('button', { name: 'Open in the playground Sample 1' }).click()
  await page.waitForURL(/\/playground$/)
  await page.getByRole('textbox', { name: /Source code/ }).filter({ hasText: '# mine' }).waitFor()
  const input = await page.getByLabel('Text for the program to read').inputValue()
  assert.match(input, /^\d+ \d+\n/)
  await page.goBack()
  // The playground has such a button, too.
  await page.getByRole('heading', { name: 'Calm Water', level: 1 }).waitFor()
  await page.getByRole('button', { name: 'Run' }).click()
  await verdict(page, 'WA')
  await page.getByRole('region', { name: 'Sample 1' }).getByRole('button', { name: /^Open in the playground/ }).waitFor()
  await check('wrong-answer-playground')
  // The playground gets the judged code, not later changes.
  await write(page, '# later\n')
  await page.getByRole('region', { name: 'Sample 1' }).getByRole('button', { name: /^Open in the playground/ }).click()
  await page.waitForURL(/\/playground$/)
  await page.getByRole('textbox', { name: /Source code/ }).filter({ hasText: '# mine' }).waitFor()
  assert.equal(await page.getByLabel('Text for the program to read').inputValue(), input)
  await close()
})

test('a compiler message links to its line, and a program runs on custom input', async () => {
  const { page, check, close } = await registered({ theme: 'dark', path: `/problems/${SLUG}` })
  await choose(page, 'cpp')
  await write(page, '#include <cstdio>\n\nint main() {\n  undeclared();\n}\n')
  await page.getByRole('button', { name: 'Run' }).click()
  await verdict(page, 'CE')
  await check('compilation-error')
  await page.getByRole('button', { name: /main\.cpp:4/ }).first().click()
  await page.keyboard.press('Home')
  await page.keyboard.insertText('//')
  await page.getByText('//  undeclared').or(page.getByText('  //undeclared')).waitFor()
  await choose(page, 'python')
  await write(page, 'print(int(input()) * 2)\n')
  await page.getByRole('tab', { name: 'Custom input' }).click()
  await page.getByLabel('Input for your program').fill('21\n')
  await check('custom-input')
  await page.getByRole('button', { name: 'Run' }).click()
  await page.getByText('The program ended normally').waitFor()
  await page.getByLabel('Your output').getByText('42').waitFor()
  await close()
})

test('the code survives a reload, another language, and signing out and in', async () => {
  const { page, close, faults, name } = await registered({ path: `/problems/${SLUG}` })
  await choose(page, 'python')
  await write(page, 'print("kept")\n')
  await choose(page, 'c')
  await page.getByRole('textbox', { name: /Source code/ }).waitFor()
  await choose(page, 'python')
  await page.getByText('print("kept")').waitFor()
  await page.reload()
  await page.getByText('print("kept")').waitFor()
  await page.getByRole('button', { name: /^Account/ }).click()
  await page.getByRole('menuitem', { name: 'Sign out' }).click()
  await page.getByRole('link', { name: 'Sign in' }).waitFor()
  await page.goto(`${server.url}/problems/${SLUG}`)
  await page.getByText('Run your code on the samples').waitFor()
  await page.keyboard.press('Control+Enter')
  await page.getByRole('alert').getByText('“Submit” needs an account. Your code is kept.').waitFor()
  assert.equal(await page.getByText('print("kept")').count(), 0, 'a draft belongs to its user')
  await page.getByRole('link', { name: 'Sign in' }).last().click()
  await page.getByLabel('User name or e-mail address').fill(name)
  await page.getByLabel('Password').fill('wrong horse battery')
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.getByText('The name or the password is wrong.').waitFor()
  await page.getByLabel('Password').fill(PASSWORD)
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.getByText('print("kept")').waitFor()
  assert.match(page.url(), new RegExp(`/problems/${SLUG}$`))
  assert.deepEqual(faults, [])
  await close()
})

test('on a phone, the statement can be read and code can be written, run and submitted in both themes', async () => {
  const { page, check, close } = await registered({ width: 360 })
  await page.getByText('Calm Water').waitFor()
  await check('list')
  await page.getByRole('link', { name: 'Calm Water' }).click()
  await page.getByRole('heading', { name: 'Calm Water', level: 1 }).waitFor()
  await page.locator('.statement .katex').first().waitFor()
  await check('problem')
  await page.getByRole('tab', { name: 'Code' }).click()
  await choose(page, 'python')
  await write(page, WRONG)
  await page.getByRole('group', { name: 'Symbols' }).getByText('#').click()
  await check('code')
  await page.getByRole('button', { name: 'Run' }).click()
  await verdict(page, 'WA')
  await check('result')
  await page.getByRole('tab', { name: 'Code' }).click()
  await write(page, RIGHT)
  await page.getByRole('button', { name: 'Submit' }).click()
  await verdict(page, 'AC')
  await check('accepted')
  await close()
})

test('the default theme is the system\'s, and it is applied before the first paint', async () => {
  const { page, check, close } = await visit(browser, { theme: 'dark' })
  const isDark = () => page.evaluate(() => document.documentElement.classList.contains('dark'))
  // The scripts of the application are held back, because it would set the class itself.
  let release
  const released = new Promise((resolve) => (release = resolve))
  await page.route('**/assets/*.js', async (route) => {
    await released
    await route.continue()
  })
  await page.goto(`${server.url}/sign-in`, { waitUntil: 'commit' })
  await page.locator('#root').waitFor({ state: 'attached' })
  assert.equal(await isDark(), true, 'the class is there before the application')
  assert.equal(await page.locator('#root > *').count(), 0, 'the application has not begun')
  release()
  await page.getByRole('heading', { name: 'Sign in' }).waitFor()
  await check('sign-in')
  await page.getByRole('button', { name: 'Theme, Language' }).click()
  // The chosen theme has a check mark.
  await page.getByRole('menuitemradio', { name: 'System', checked: true }).getByText('✓').waitFor()
  assert.equal(await page.getByText('✓').count(), 2, 'one theme and one language')
  await page.getByRole('menuitemradio', { name: 'Light' }).click()
  assert.equal(await isDark(), false)
  await page.reload()
  assert.equal(await isDark(), false)
  await page.keyboard.press('Escape')
  await page.goto(`${server.url}/register`)
  await page.getByRole('heading', { name: 'Create an account' }).waitFor()
  await check('register')
  await close()
})

test('every screen for visitors passes the accessibility checks in both sizes, and the contrast checks in both themes', async () => {
  for (const width of [1280, 360]) {
    const { page, check, close } = await visit(browser, { width })
    for (const [path, heading] of [['sign-in', 'Sign in'], ['register', 'Create an account']]) {
      await page.goto(`${server.url}/${path}`)
      await page.getByRole('heading', { name: heading }).waitFor()
      await check(path)
    }
    await page.goto(`${server.url}/problems?q=nothing-has-this-name`)
    await page.getByText('No problem matches these filters').waitFor()
    await check('no-problems')
    await page.goto(`${server.url}/problems/none`)
    await page.getByRole('heading', { name: 'Problem not found' }).waitFor()
    await check('not-found')
    await close()
  }
})

test('the site is in Chinese if the browser\'s language is Chinese', async () => {
  const { page, check, close } = await visit(browser, { language: 'zh-CN' })
  await page.goto(`${server.url}/problems`)
  await page.getByRole('heading', { name: '题目' }).waitFor()
  await page.getByText('Calm Water').waitFor()
  await check('list-zh')
  // A tag is found by the name that the page shows.
  await page.getByLabel('按标题或标签搜索').fill('单调队列')
  await page.waitForFunction(() => document.querySelectorAll('a[data-row]').length === 1)
  await page.getByText('Calm Water').waitFor()
  await close()
})

test('Escape and Tab leave the editor, and a question mark opens the list of shortcuts', async () => {
  const { page, check, close } = await registered({ path: `/problems/${SLUG}` })
  const editor = page.getByRole('textbox', { name: /Source code/ })
  await editor.click()
  await page.keyboard.press('Escape')
  await page.keyboard.press('Tab')
  assert.notEqual(await page.evaluate(() => document.activeElement?.hasAttribute('data-editor')), true)
  await page.getByRole('heading', { level: 1 }).click()
  await page.keyboard.press('?')
  await page.getByRole('dialog', { name: 'Keyboard shortcuts' }).waitFor()
  await check('shortcuts')
  await page.keyboard.press('Escape')
  await page.getByRole('dialog').waitFor({ state: 'hidden' })
  await choose(page, 'python')
  await write(page, RIGHT)
  await page.keyboard.press('Control+Enter')
  await verdict(page, 'AC')
  await page.getByRole('heading', { level: 1 }).click()
  await page.keyboard.press("Control+'")
  await page.getByText('on the samples').waitFor()
  await close()
})

test('scripts cannot read the session, and no token is in a URL', async () => {
  const { page, context, close } = await visit(browser)
  const urls = []
  page.on('request', (request) => urls.push(request.url()))
  await page.goto(`${server.url}/register`)
  await people.register(page, 'secretive')
  await page.getByText('Calm Water').waitFor()
  assert.equal(await page.evaluate(() => document.cookie), '')
  const [cookie] = await context.cookies()
  assert.deepEqual([cookie.name, cookie.httpOnly, cookie.sameSite], ['cupel_session', true, 'Lax'])
  await page.goto(`${server.url}/problems/${SLUG}`)
  await choose(page, 'python')
  await write(page, RIGHT)
  await page.getByRole('button', { name: 'Run' }).click()
  await verdict(page, 'AC')
  assert.ok(urls.some((url) => url.endsWith('/events')), 'the run was followed live')
  assert.ok(urls.every((url) => !/token|ticket|session=/.test(url)))
  await close()
})

test('the site works below a path prefix', async () => {
  let behind
  const proxy = await startProxy('/judge', () => behind.url)
  behind = await startServer({ CUPEL_SERVER__PUBLIC_URL: proxy.url })
  const first = server
  server = { ...behind, url: proxy.url }
  try {
    const { page, close } = await visit(browser, { width: 360 })
    await page.goto(`${server.url}/register`)
    await people.register(page, 'newcomer')
    await page.getByRole('link', { name: 'Calm Water' }).click()
    await page.waitForURL(`${proxy.url}/problems/${SLUG}`)
    await page.reload()
    await page.getByRole('tab', { name: 'Code' }).click()
    await choose(page, 'python')
    await write(page, RIGHT)
    await page.getByRole('button', { name: 'Run' }).click()
    await verdict(page, 'AC')
    await close()
  } finally {
    server = first
    await proxy.stop()
    await behind.stop()
  }
})

test('each filter of the list is a step of the history, and what is typed is one step', async () => {
  const { page, close } = await visit(browser)
  await page.goto(`${server.url}/problems`)
  await page.getByText('Cupel judges your programs').waitFor()
  await page.getByLabel('Difficulty').selectOption('easy')
  await page.waitForURL(/difficulty=easy/)
  await page.getByRole('searchbox').pressSequentially('wat', { delay: 400 })
  await page.waitForURL(/q=wat/)
  await page.goBack()
  await page.waitForURL(/difficulty=easy$/)
  await people.until('the field is empty', async () => (await page.getByRole('searchbox').inputValue()) === '')
  await page.goBack()
  await page.waitForURL(/\/problems$/)
  await close()
})

test('the search field keeps what is typed while the list of an earlier text is shown', async () => {
  const { page, close } = await visit(browser)
  await page.goto(`${server.url}/problems`)
  const field = page.getByRole('searchbox')
  await page.getByRole('link', { name: 'Calm Water' }).waitFor()
  // The next letter is typed when the URL has the text before it, and the page is not drawn with it yet.
  const box = await field.elementHandle()
  await box.evaluate((box) => {
    window.seen = []
    const type = (text) => {
      Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value').set.call(box, text)
      box.dispatchEvent(new Event('input', { bubbles: true }))
    }
    for (const name of ['pushState', 'replaceState']) {
      const change = history[name]
      history[name] = (...given) => {
        change.apply(history, given)
        if (/q=ca$/.test(location.search) && window.seen.length === 0) {
          // React writes a controlled value into the attribute, too.
          new MutationObserver(() => window.seen.push(box.value)).observe(box, { attributes: true, attributeFilter: ['value'] })
          type('cal')
        }
      }
    }
    type('ca')
  })
  await page.waitForURL(/q=cal$/)
  await page.waitForFunction(() => document.querySelectorAll('a[data-row]').length === 1)
  assert.deepEqual(await page.evaluate(() => [...new Set(window.seen)]), ['cal'])
  assert.equal(await field.inputValue(), 'cal')
  await close()
})

test('a search that was typed just before the list was left does not lead back to it', async () => {
  const { page, close } = await visit(browser)
  await page.goto(`${server.url}/problems`)
  await page.getByRole('link', { name: 'Calm Water' }).waitFor()
  await page.getByRole('searchbox').evaluate((box) => {
    Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value').set.call(box, 'ca')
    box.dispatchEvent(new Event('input', { bubbles: true }))
    // The search begins 200 ms after the last letter.
    setTimeout(() => (window.isPassed = true), 300)
    document.querySelector('a[href="/problems/calm-water"]').click()
  })
  await page.waitForFunction(() => window.isPassed)
  await page.getByRole('heading', { name: 'Calm Water', level: 1 }).waitFor()
  assert.equal(new URL(page.url()).pathname, '/problems/calm-water')
  await close()
})

test('on a phone, the bar has the mark, the search, and a menu to sign in or to register', async () => {
  for (const [language, menu, register] of [['en', 'Your account', 'Register'], ['zh-CN', '你的账户', '注册']]) {
    const { page, close } = await visit(browser, { width: 360, language })
    await page.goto(`${server.url}/problems`)
    const bar = page.getByRole('banner')
    const parts = [bar.getByRole('link', { name: 'Cupel' }), bar.locator('button[aria-keyshortcuts]'), bar.getByRole('button', { name: menu })]
    for (const part of parts) {
      await part.waitFor()
      const box = await part.boundingBox()
      assert.ok(box.x >= -12 && box.x + box.width <= 360, `${language}: from ${box.x} px, ${box.width} px wide`)
    }
    // The links to the pages are all in view.
    const [room, width] = await bar.getByRole('navigation').evaluate((nav) => [nav.clientWidth, nav.scrollWidth])
    assert.ok(width <= room, `${language}: links of ${width} px in ${room} px`)
    await parts[2].click()
    await page.getByRole('menuitem', { name: register }).click()
    await page.waitForURL(/\/register/)
    await close()
  }
})

test('the text follows the font size of the browser, and nothing is wider than the window', async () => {
  for (const width of [1280, 360]) {
    const { page, context, close } = await visit(browser, { width })
    const session = await context.newCDPSession(page)
    await session.send('Page.setFontSizes', { fontSizes: { standard: 20, fixed: 16 } })
    for (const path of ['problems', 'contests', 'playground', 'sign-in', `problems/${SLUG}`]) {
      await page.goto(`${server.url}/${path}`)
      await page.locator('main').getByRole('heading').or(page.locator('[data-editor]')).first().waitFor()
      assert.equal(await page.evaluate(() => getComputedStyle(document.body).fontSize), '17.5px', path)
      await checkSize(page, `${path} with large text`)
    }
    if (width < 600) {
      // At 200 %, each filter of the list has a line of its own, so that its text is not cut.
      await session.send('Page.setFontSizes', { fontSizes: { standard: 32, fixed: 26 } })
      await page.goto(`${server.url}/problems`)
      const filters = page.getByRole('group', { name: 'Filters' }).getByRole('combobox')
      await filters.first().waitFor()
      const widths = await filters.evaluateAll((all) => all.map((one) => Math.round(one.getBoundingClientRect().width)))
      assert.ok(widths.every((one) => one > 300), `filters of ${widths} px`)
    }
    await close()
  }
})
