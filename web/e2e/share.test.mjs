// Links to programs in a browser, against the real server: sharing, reading, running, copying, frames and archives.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import http from 'node:http'
import { after, afterEach, before, test } from 'node:test'
import { chooseLanguage, closeVisits, findings, launch, visit } from './browser.mjs'
import { registered } from './people.mjs'
import { startServer } from './server.mjs'

let server
let browser
/** Pages of two other origins. The operator permits the first origin. */
let friend
let stranger
before(async () => {
  ;[friend, stranger] = await Promise.all([startPages(), startPages()])
  ;[server, browser] = await Promise.all([startServer({ CUPEL_SERVER__EMBED_ORIGINS: friend.url }), launch()])
})
after(async () => {
  await browser?.close()
  await server?.stop()
  friend?.stop()
  stranger?.stop()
})
afterEach(async () => {
  await closeVisits(browser)
})

/** A site. Each of its pages has a frame with the URL from the query string. */
async function startPages() {
  const pages = http.createServer((request, response) => {
    const address = new URL(request.url, 'http://x').searchParams.get('frame') ?? 'about:blank'
    response.writeHead(200, { 'content-type': 'text/html' })
    response.end(`<!doctype html><title>blog</title><link rel="icon" href="data:,"><iframe width="700" height="600" src="${address}"></iframe>`)
  })
  await new Promise((resolve) => pages.listen(0, '127.0.0.1', resolve))
  return { url: `http://127.0.0.1:${pages.address().port}`, stop: () => (pages.close(), pages.closeAllConnections()) }
}

/** Opens the playground for a new user. */
async function player(options) {
  const visitor = await registered(server, browser, { path: '/playground', ...options })
  const { page } = visitor
  await press(page, 'Share', 'waitFor')
  return visitor
}

const press = (page, name, act = 'click') => page.getByRole('button', { name, exact: true })[act]()
const verdict = (page, code) => page.locator(`[data-verdict="${code}"]`).waitFor()
const editorHas = (page, text) => page.getByRole('textbox', { name: /Source code/ }).filter({ hasText: text }).waitFor()

async function write(page, code) {
  await page.getByRole('textbox', { name: /Source code/ }).click()
  await page.keyboard.press('Control+a')
  await page.keyboard.press('Delete')
  await page.keyboard.insertText(code)
}

/** Shares the program in the playground, and returns the link. */
async function share(page, title) {
  await press(page, 'Share')
  if (title !== undefined) await page.getByLabel('Title', { exact: true }).fill(title)
  await press(page, 'Make the link')
  const link = page.getByLabel('Link to this program', { exact: true })
  await link.waitFor()
  return link.inputValue()
}

test('the account page lists shared programs and can end their sharing', async () => {
  const { page, check, close } = await player()
  await page.goto(`${server.url}/account?view=programs`)
  await page.getByText('You share no programs').waitFor()
  await check('account-programs-none')
  await page.goto(`${server.url}/playground`)
  await chooseLanguage(page, 'python')
  await write(page, '# the first\nprint(1)\n')
  const first = await share(page)
  await write(page, '# the second\nprint(2)\n')
  const second = await share(page)
  await page.goto(`${server.url}/account?view=programs`)
  await page.getByRole('link', { name: '# the second' }).waitFor()
  await check('account-programs')
  await press(page, 'Stop sharing # the second')
  await page.getByText('The link becomes invalid').waitFor()
  await check('account-programs-asked')
  await press(page, 'Stop sharing it')
  await page.getByText('The program is no longer shared.').waitFor()
  await page.getByRole('link', { name: '# the second' }).waitFor({ state: 'detached' })
  assert.equal((await page.request.get(`${server.url}/api/v1/snippets/${second.split('/').pop()}`)).status(), 404)
  await page.getByRole('link', { name: '# the first' }).click()
  await page.waitForURL(first)
  await editorHas(page, '# the first')
  await close()
})

test('the page of a shared link shows, runs and copies exactly the shared program', async () => {
  const { page, check, close } = await player()
  await chooseLanguage(page, 'python')
  await write(page, 'import helper, sys\nprint(helper.greet(input()), sys.argv[1:])\n')
  await press(page, 'Add a file')
  await page.getByLabel('Name of the file').fill('helper.py')
  await page.keyboard.press('Enter')
  await write(page, 'def greet(name):\n    return "hello " + name\n')
  await page.getByText('Arguments, files and limits').click()
  await page.getByLabel('Arguments', { exact: true }).fill("-v 'two words'")
  await page.getByLabel('Text for the program to read').fill('Ada')
  const link = await share(page)
  assert.match(link, new RegExp(`^${server.url}/p/[A-Za-z0-9_-]{22}$`))
  await page.getByText('The link was copied.').waitFor()
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), link)
  await check('playground-link')
  // The same program has the same link; a change removes the link from the page.
  await page.getByLabel('Text for the program to read').fill('Bob')
  await page.getByLabel('Link to this program', { exact: true }).waitFor({ state: 'detached' })
  assert.notEqual(await share(page), link)
  await page.getByLabel('Text for the program to read').fill('Ada')
  assert.equal(await share(page), link)

  // A visitor without an account can read the whole program.
  const visitor = await visit(browser, { theme: 'dark' })
  await visitor.page.goto(link)
  await editorHas(visitor.page, 'import helper, sys')
  await visitor.page.getByRole('tab', { name: 'helper.py' }).click()
  await editorHas(visitor.page, 'def greet')
  assert.equal(await visitor.page.getByLabel('Text for the program to read').inputValue(), 'Ada')
  await visitor.page.getByRole('textbox', { name: /Source code/ }).click()
  await visitor.page.keyboard.type('nonsense')
  await editorHas(visitor.page, 'def greet')
  assert.equal(await visitor.page.getByText('nonsense').count(), 0)
  assert.equal(await visitor.page.getByRole('link', { name: 'Playground', exact: true }).getAttribute('aria-current'), 'true')
  await visitor.check('shared-program')
  await press(visitor.page, 'Run')
  await verdict(visitor.page, 'AC')
  await visitor.page.getByText("hello Ada ['-v', 'two words']").waitFor()
  await visitor.close()

  // A copy replaces the program in the playground, and the replaced program is kept.
  await write(page, 'def greet(name):\n    return "mine"\n')
  await page.goto(link)
  await press(page, 'Fork')
  await page.waitForURL(/\/playground$/)
  await page.getByText('Another program was loaded here.').waitFor()
  await page.getByRole('tab', { name: 'helper.py' }).click()
  await editorHas(page, 'return "hello "')
  await check('playground-forked')
  await page.reload()
  await press(page, 'Show it again')
  await page.getByText('The other program is in the history.').waitFor()
  await page.getByRole('tab', { name: 'helper.py' }).click()
  await editorHas(page, 'return "mine"')
  // A version that the user restores also ends the offer, and the program before stays in the history.
  await page.goto(link)
  await press(page, 'Fork')
  const offer = page.getByText('Another program was loaded here.')
  await offer.waitFor()
  await write(page, 'print("changed")\n')
  await page.getByRole('button', { name: 'History' }).click()
  await page.getByRole('list', { name: 'Versions' }).getByRole('button').nth(1).click()
  await press(page, 'Restore this version')
  await offer.waitFor({ state: 'detached' })
  await page.reload()
  await editorHas(page, 'greet')
  assert.equal(await offer.count(), 0)
  await page.getByRole('button', { name: 'History' }).click()
  await page.getByRole('list', { name: 'Versions' }).getByRole('button', { name: /Replaced here/ }).first().waitFor()
  await close()
})

test('a shared program keeps its title, which is text, and the patterns of the files to keep', async () => {
  const TITLE = '<img src=x onerror=alert(1)> "Plots" & files'
  const keep = (page) => page.getByLabel('Output files to keep', { exact: true })
  for (const [theme, width] of [['light', 1280], ['dark', 360]]) {
    const { page, check, close } = await player({ theme, width })
    await chooseLanguage(page, 'python')
    await write(page, `open("a.txt", "w").write("kept ${width}")\n`)
    if (width < 900) await page.getByRole('tab', { name: 'Input and output' }).click()
    await page.getByText('Arguments, files and limits').click()
    await keep(page).fill('*.txt "b c/*"')
    if (width < 900) await page.getByRole('tab', { name: 'Code' }).click()
    const plain = await share(page)
    // A program with another title is another program, so the link goes while the title is changed.
    const link = page.getByLabel('Link to this program', { exact: true })
    await page.getByLabel('Title', { exact: true }).fill(TITLE)
    await link.waitFor({ state: 'detached' })
    await press(page, 'Make the link')
    await link.waitFor()
    const titled = await link.inputValue()
    assert.notEqual(titled, plain)
    // The whole link is in view.
    assert.deepEqual(await link.evaluate((box) => [box.scrollWidth <= box.clientWidth, box.scrollHeight <= box.clientHeight]), [true, true])
    await check('playground-titled')
    await press(page, 'Embed')
    const html = await page.getByLabel('HTML that embeds this program', { exact: true }).inputValue()
    assert.equal(await page.evaluate((html) => new DOMParser().parseFromString(html, 'text/html').querySelector('iframe').title, html), TITLE)
    const reader = await visit(browser, { theme, width })
    reader.page.on('dialog', () => assert.fail('the title ran a script'))
    await reader.page.goto(`${titled}?embed=1`)
    await reader.page.getByRole('heading', { level: 1, name: TITLE, exact: true }).waitFor()
    await reader.page.goto(titled)
    await reader.page.getByRole('heading', { level: 1, name: TITLE, exact: true }).waitFor()
    assert.equal(await reader.page.title(), `${TITLE} · Cupel`)
    await reader.check('shared-titled')
    await reader.close()
    await page.goto(titled)
    await press(page, 'Run')
    await page.getByRole('button', { name: 'Download a.txt' }).or(page.getByRole('link', { name: 'Download a.txt' })).waitFor()
    if (width < 900) await page.getByRole('tab', { name: 'Code' }).click()
    await press(page, 'Fork')
    await page.waitForURL(/\/playground$/)
    await press(page, 'Share')
    assert.equal(await page.getByLabel('Title', { exact: true }).inputValue(), TITLE)
    if (width < 900) await page.getByRole('tab', { name: 'Input and output' }).click()
    await page.getByText('Arguments, files and limits').click()
    assert.equal(await keep(page).inputValue(), '*.txt "b c/*"')
    await page.goto(`${server.url}/account?view=programs`)
    await page.getByRole('link', { name: TITLE, exact: true }).waitFor()
    await close()
  }
})

test('a program that was shared from the terminal opens in the terminal, and so does its fork', async () => {
  const { page, close } = await player()
  const tab = (one, name) => one.getByRole('tab', { name, exact: true, selected: true })
  await page.getByRole('tab', { name: 'Terminal', exact: true }).click()
  await write(page, 'print("Hello, " + input("Your name? "))\n')
  const link = await share(page)
  // The same program for the other mode has another link.
  await page.getByRole('tab', { name: 'Text', exact: true }).click()
  await page.getByLabel('Link to this program', { exact: true }).waitFor({ state: 'detached' })
  const ofText = await share(page)
  assert.notEqual(ofText, link)
  await close()
  const reader = await player()
  await reader.page.goto(ofText)
  await tab(reader.page, 'Text').waitFor()
  await reader.page.goto(link)
  await tab(reader.page, 'Terminal').waitFor()
  await press(reader.page, 'Fork')
  await reader.page.waitForURL(/\/playground$/)
  await tab(reader.page, 'Terminal').waitFor()
  await editorHas(reader.page, 'Your name?')
  await reader.close()
})

test('an unknown link shows an error, and the archive has the files of the program', async () => {
  const { page, check, close } = await player({ width: 360 })
  const [download] = await Promise.all([page.waitForEvent('download'), press(page, 'Download as ZIP')])
  assert.equal(download.suggestedFilename(), 'main.zip')
  const bytes = readFileSync(await download.path())
  assert.equal(bytes.subarray(0, 4).toString('latin1'), 'PK\x03\x04')
  assert.ok(bytes.includes('main.py'))
  const link = await share(page)
  await page.goto(link)
  await press(page, 'Fork', 'waitFor')
  await check('shared-program')
  await page.goto(`${server.url}/p/AAAAAAAAAAAAAAAAAAAAAA`)
  await page.getByText('This program does not exist, or it is no longer shared.').waitFor()
  await check('shared-program-missing')
  await close()
})

test('only a site that the operator permits can show a shared program in a frame', async () => {
  const { page, check, close } = await player()
  const link = await share(page)
  await page.getByRole('button', { name: 'Embed', exact: true }).click()
  // "Copied" is shown for two seconds, so the page itself waits for it, from before the click.
  const isCopied = page.waitForFunction(() => [...document.querySelectorAll('button')].some((one) => /^Copied\s*HTML that embeds/.test(one.innerText)))
  await page.getByRole('button', { name: 'Copy HTML that embeds this program' }).click()
  await isCopied
  const html = await page.getByLabel('HTML that embeds this program', { exact: true }).inputValue()
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), html)
  await check('playground-embed')
  const address = await page.evaluate((html) => new DOMParser().parseFromString(html, 'text/html').querySelector('iframe').src, html)
  assert.equal(address, `${link}?embed=1`)
  await page.goto(`${friend.url}/?frame=${encodeURIComponent(address)}`)
  const frame = page.frameLocator('iframe')
  await frame.getByRole('link', { name: 'Open in Cupel' }).waitFor()
  assert.equal(await frame.getByRole('link', { name: 'Contests' }).count(), 0)
  await close()
  const other = await visit(browser)
  const refused = other.page.waitForEvent('console', (message) => /frame-ancestors/.test(message.text()))
  await other.page.goto(`${stranger.url}/?frame=${encodeURIComponent(`${link}?embed=1`)}`)
  await refused
  assert.equal(await other.page.frameLocator('iframe').getByRole('link', { name: 'Open in Cupel' }).count(), 0)
  await other.context.close()
})

test('in a frame of another site, a link to the program in Cupel takes the place of Run, and nothing leads to the sign-in', async () => {
  const { page, close } = await player()
  const link = await share(page)
  await close()
  for (const [language, run, stop, open] of [['en', 'Run', 'Stop', 'Open in Cupel to run it'], ['zh-CN', '运行', '停止', '在 Cupel 中打开并运行']]) {
    const visitor = await visit(browser, { language })
    const address = `${link}?embed=1`
    const requested = []
    visitor.page.on('request', (request) => requested.push(request.url()))
    await visitor.page.goto(`${friend.url}/?frame=${encodeURIComponent(address)}`)
    const inside = visitor.page.frameLocator('iframe')
    const way = inside.getByRole('link', { name: open, exact: true })
    await way.waitFor()
    assert.deepEqual([await inside.getByRole('button', { name: run, exact: true }).count(), await inside.getByRole('button', { name: stop, exact: true }).count()], [0, 0])
    await inside.locator('body').press('Control+Enter')
    const frame = visitor.page.frames().find((one) => one.url() === address)
    assert.deepEqual(await findings(frame), [])
    // Every link of the frame opens a window of its own, which the frame cannot control.
    const links = await frame.locator('a').evaluateAll((all) => all.map((one) => [one.target, one.rel]))
    assert.ok(links.length >= 2 && links.every(([target, rel]) => target === '_blank' && rel === 'noopener'), JSON.stringify(links))
    // The command palette leads to other pages.
    await frame.locator('body').press('Control+k')
    const [opened] = await Promise.all([visitor.page.waitForEvent('popup'), way.click()])
    await opened.waitForURL(link)
    assert.equal(frame.url(), address)
    assert.deepEqual(requested.filter((url) => url.includes('/assets/Palette-')), [])
    assert.equal(await frame.getByRole('dialog').count(), 0)
    await visitor.close()
  }
})

test('the address of the frame, opened in a window, runs the program for a visitor', async () => {
  const { page, close } = await player()
  await chooseLanguage(page, 'python')
  await write(page, 'print("ran", 6 * 7)\n')
  const link = await share(page)
  await close()
  const visitor = await visit(browser)
  await visitor.page.goto(`${link}?embed=1`)
  await press(visitor.page, 'Run')
  await visitor.page.getByLabel('Output', { exact: true }).getByText('ran 42').waitFor()
  await visitor.close()
})

test('a shared program in a language that cannot run now, or that the server no longer lists, is shown with its files, says why, and can be forked', async () => {
  const isPython = (one) => one.language_id === 'python'
  const unavailable = (languages) => languages.map((one) => (isPython(one) ? { ...one, available: false, unavailable_reason: 'no worker has this language' } : one))
  const unlisted = (languages) => languages.filter((one) => !isPython(one))
  for (const gone of [unavailable, unlisted]) {
    const { page, check, close } = await player()
    await chooseLanguage(page, 'python')
    await write(page, '# shared\n')
    await press(page, 'Add a file')
    await page.keyboard.press('Enter')
    await page.getByRole('tab', { name: 'file1.py' }).waitFor()
    await write(page, '# second\n')
    const link = await share(page)
    await page.route('**/api/v1/languages', async (route) => {
      const answer = await route.fetch()
      await route.fulfill({ response: answer, json: { languages: gone((await answer.json()).languages) } })
    })
    await page.goto(link)
    await editorHas(page, '# shared')
    await page.getByText('cannot run on this server now.').waitFor()
    assert.equal(await page.getByRole('button', { name: 'Run', exact: true }).isDisabled(), true)
    await page.getByRole('tab', { name: gone === unlisted ? 'main.txt' : 'main.py' }).waitFor()
    await check(`shared-language-${gone.name}`)
    await press(page, 'Fork')
    await page.waitForURL(/\/playground$/)
    await editorHas(page, '# shared')
    await page.getByText('cannot run on this server now. Your code is kept.').waitFor()
    await page.getByRole('tab', { name: 'file1.py' }).click()
    await editorHas(page, '# second')
    await close()
  }
})
