// Failures on a problem's page: mathematics under the content security policy, a restart of the server, and a session
// that ends.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, before, test } from 'node:test'
import { chooseLanguage, launch, visit } from './browser.mjs'
import { call, endSessions, HOUR, makeContest, PASSWORD, putProblem, registered, submit, tokenOf, until, write } from './people.mjs'
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

/** Formulas for which KaTeX draws pictures, sets styles or frames. */
const DRAWN = ['\\vec{x}', '\\overbrace{a}^b', '\\widehat{abc}', '\\phase{x}', '\\sqrt{\\frac{a}{b}}', '\\pmb{bold}', '\\fcolorbox{red}{yellow}{A}', '\\cancel{x}', '\\xrightarrow{abc}', '\\boxed{x}', '\\color{blue} y', '\\rule{1em}{2em}', '\\begin{array}{|c|c|}a&b\\\\c&d\\end{array}']
/** TeX that tries to affect the page outside the formula, or does not terminate. */
const HOSTILE = [
  '\\href{javascript:alert(1)}{click}',
  '\\url{javascript:alert(1)}',
  '\\includegraphics{https://example.com/x.png}',
  '\\htmlStyle{position:fixed;inset:0;z-index:99}{cover}',
  '\\htmlData{x=y}{d}',
  '\\htmlId{root}{i}',
  '\\htmlClass{fixed inset-0}{c}',
  '\\def\\a{\\a\\a}\\a',
  '\\rule{9999em}{9999em}',
  '\\color{red;position:fixed}{x}',
  '\\fcolorbox{red;position:fixed}{blue}{x}',
  '\\text{<img src=x onerror=alert(1)>}',
]
const FORMULAS = [
  ...DRAWN.map((tex) => `Drawn: $${tex}$`),
  ...HOSTILE.map((tex) => `Hostile: $${tex}$`),
  // This formula comes after the hostile formulas. They must not prevent its display.
  'At last: $\\overline{last}$',
].join('\n\n')

test('formulas are typeset without a violation of the content security policy, and hostile TeX affects only its own formula', async () => {
  const problem = { 'init.yml': 'time_limit: 1\ntest_cases:\n- {in: 1.in, out: 1.out, points: 100}\n', '1.in': '1\n', '1.out': '1\n' }
  await putProblem(server, 'formulas', { ...problem, 'statement.md': `${FORMULAS}\n` })
  await makeContest(server, 'maths', 'Maths Cup', -HOUR, { problems: ['formulas'] })
  for (const [theme, width] of [['light', 1280], ['dark', 360]]) {
    const { page, check, close } = await registered(server, browser, { theme, width })
    await page.addInitScript(() => {
      window.violations = []
      document.addEventListener('securitypolicyviolation', (event) => window.violations.push(`${event.violatedDirective} ${event.blockedURI} ${event.sample}`))
    })
    const requests = []
    page.on('request', (request) => requests.push(request.url()))
    page.on('dialog', () => assert.fail('a script of the statement ran'))
    await page.goto(`${server.url}/contests/maths`)
    await page.getByRole('button', { name: 'Take part' }).click()
    await page.getByRole('list').getByRole('link').last().click()
    const statement = page.locator('.statement')
    await statement.getByText('At last:').locator('.katex').waitFor()
    // Chromium reports a violation only after the element was created.
    await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve))))
    assert.deepEqual(await page.evaluate(() => window.violations), [])
    const drawn = statement.locator('p', { hasText: 'Drawn:' })
    assert.equal(await drawn.count(), DRAWN.length)
    for (const [at, tex] of DRAWN.entries()) assert.equal(await drawn.nth(at).locator('.katex').count(), 1, tex)
    // The style of a stretched symbol has the width that KaTeX computed.
    const widths = await statement.locator('svg').evaluateAll((pictures) => pictures.map((picture) => picture.getBoundingClientRect().width))
    assert.ok(widths.length > 0 && widths.every((one) => one > 0), `${widths}`)
    assert.notEqual(await statement.locator('p', { hasText: 'vec' }).locator('svg').first().evaluate((svg) => svg.style.width), '')
    // No formula adds a link, loads a resource, covers the page, or uses an id of the page.
    assert.equal(await statement.locator('a, img, iframe, script, [id], [data-x], [onerror]').count(), 0)
    assert.equal(await statement.locator('*').evaluateAll((all) => all.filter((one) => getComputedStyle(one).position === 'fixed').length), 0)
    const own = new URL(server.url).host
    assert.deepEqual(requests.filter((url) => new URL(url).host !== own), [])
    await check('formulas')
    await close()
  }
})

test('a statement, a title or the name of a file cannot reorder the text around it', async () => {
  const turn = '\u202e'
  const shown = '‹U+202E›'
  const problem = { 'problem.toml': `title = "Lost ${turn}evil"\nslug = "mirrored"\n[limits]\ntime = 1\n`, 'tests/sample/1.in': '1\n', 'tests/sample/1.out': '1\n', 'tests/secret/1.in': '1\n', 'tests/secret/1.out': '1\n' }
  await putProblem(server, 'mirrored', { ...problem, 'statement.md': `Pay ${turn}100\u202c, \u2067שלום\u2069 or \u200fשלום\u200e.\n`, [`attachments/a${turn}txt.exe`]: 'x' })
  await makeContest(server, 'mirror', `Mirror ${turn}Cup`, -HOUR, { problems: ['mirrored'] })
  const { page, close } = await registered(server, browser, { path: '/contests' })
  await page.getByRole('link', { name: `Mirror ${shown}Cup` }).click()
  await page.getByRole('heading', { level: 1, name: `Mirror ${shown}Cup` }).waitFor()
  await page.getByRole('button', { name: 'Take part' }).click()
  await page.getByRole('link', { name: `Lost ${shown}evil` }).click()
  await page.getByRole('heading', { level: 1, name: `Lost ${shown}evil` }).waitFor()
  assert.equal(await page.title(), `Lost ${shown}evil · Cupel`)
  // The marks of right-to-left scripts stay.
  assert.equal((await page.locator('.statement').innerText()).trim(), `Pay ${shown}100‹U+202C›, ‹U+2067›שלום‹U+2069› or \u200fשלום\u200e.`)
  await page.getByRole('link', { name: `a${shown}txt.exe` }).waitFor()
  assert.doesNotMatch(await page.evaluate(() => document.body.innerText + document.title), /[\u202a-\u202e\u2066-\u2069]/)
  await close()
})

test('the columns of a table of a statement are aligned as its author has chosen, and a title of one long word stays in the window', async () => {
  const problem = { 'problem.toml': `title = "${'on_and_'.repeat(10)}on"\nslug = "aligned"\n[limits]\ntime = 1\n`, 'tests/sample/1.in': '1\n', 'tests/sample/1.out': '1\n', 'tests/secret/1.in': '1\n', 'tests/secret/1.out': '1\n' }
  await putProblem(server, 'aligned', { ...problem, 'statement.md': '| a | b | c | d |\n|---|:---|---:|:---:|\n| 1 | 2 | 3 | 4 |\n\n`<td style="text-align: right">`\n' })
  await makeContest(server, 'tables', 'Tables Cup', -HOUR, { problems: ['aligned'] })
  const { page, close } = await registered(server, browser, { path: '/contests/tables', width: 360 })
  await page.getByRole('button', { name: 'Take part' }).click()
  await page.getByRole('link', { name: /^on_and_on/ }).click()
  const cells = page.locator('.statement :is(th, td)')
  await cells.first().waitFor()
  assert.deepEqual(await cells.evaluateAll((all) => all.map((cell) => getComputedStyle(cell).textAlign.replace('start', 'left').replace('-webkit-', ''))), ['left', 'left', 'right', 'center', 'left', 'left', 'right', 'center'])
  assert.equal(await page.locator('.statement code').innerText(), '<td style="text-align: right">')
  assert.ok(await page.getByRole('heading', { level: 1 }).evaluate((title) => title.scrollWidth <= title.clientWidth), 'the title is wider than its box')
  // No style violates the policy: that would be an error in the console.
  await close()
})

test('a numbered list of a statement begins with the number that its author has chosen', async () => {
  const { page, close } = await visit(browser)
  await page.route(`**/api/v1/problems/${SLUG}?*`, async (route) => {
    const answer = await route.fetch()
    const problem = await answer.json()
    problem.statement.html = '<ol start="0"><li>stop</li></ol><ol start="3"><li>push</li></ol><ol start=""><li>pop</li></ol><ol start="x"><li>top</li></ol><ol><li>end</li></ol>'
    await route.fulfill({ response: answer, json: problem })
  })
  await page.goto(`${server.url}/problems/${SLUG}`)
  await page.locator('.statement ol').first().waitFor()
  assert.deepEqual(await page.locator('.statement ol').evaluateAll((all) => all.map((one) => one.getAttribute('start'))), ['0', '3', null, null, null])
  await close()
})

test('if the server is restarted during judging, the page reconnects and shows the verdict', async () => {
  const { page, check, close, faults } = await registered(server, browser, { path: `/problems/${SLUG}` })
  // Each test takes most of a second, so that the restart happens during judging.
  await submit(page, `import time\ntime.sleep(0.75)\n${RIGHT}`)
  await page.getByText(/^Running test/).first().waitFor()
  await server.kill()
  // The later tests need the server, even if this one fails here.
  try {
    await page.getByText('The connection was lost; reconnecting. Judging continues.').waitFor()
    await check('judging-reconnecting')
  } finally {
    await server.again()
  }
  await page.locator('[data-verdict="AC"]').waitFor()
  await page.getByText(/^(\d+) of \1 tests passed$/).waitFor()
  // The code was submitted once, and the same user still has it in the editor.
  await page.getByRole('tab', { name: 'Submissions' }).click()
  const submissions = page.getByRole('list', { name: 'Your submissions' }).getByRole('listitem')
  await submissions.first().waitFor()
  assert.equal(await submissions.count(), 1)
  faults.splice(0, faults.length, ...faults.filter((fault) => !/ERR_CONNECTION_REFUSED|ERR_CONNECTION_RESET|ERR_EMPTY_RESPONSE|ERR_INCOMPLETE_CHUNKED_ENCODING/.test(fault)))
  await close()
})

/** A new user signs in in the browser of the page, which is not reloaded. Returns the user's name. */
async function signInAsAnother(page, name) {
  const second = `second-${name}`
  const account = { username: second, email: `${second}@users.example`, password: PASSWORD }
  const headers = { 'content-type': 'application/json' }
  assert.equal((await fetch(`${server.url}/api/v1/auth/register`, { method: 'POST', headers, body: JSON.stringify(account) })).status, 201)
  const status = await page.evaluate(
    async ([username, password]) => {
      const headers = { 'x-cupel-site': '1', 'content-type': 'application/json' }
      await fetch('/api/v1/session', { method: 'DELETE', headers })
      return (await fetch('/api/v1/session', { method: 'POST', headers, body: JSON.stringify({ username, password }) })).status
    },
    [second, PASSWORD],
  )
  assert.equal(status, 200)
  return second
}

test('a tab of a user runs nothing in the playground after another user has signed in in the same browser', async () => {
  const { page, close, name, faults } = await registered(server, browser, { path: '/playground' })
  await chooseLanguage(page, 'python')
  await write(page, 'print("of the first user")\n')
  const second = await signInAsAnother(page, name)
  await page.getByRole('button', { name: 'Run', exact: true }).click()
  await page.getByText('Your session has ended', { exact: true }).waitFor()
  const { submissions } = await call(server, tokenOf(server, second), 'GET', '/submissions')
  assert.deepEqual(submissions, [])
  // The browser reports the refused handshake.
  const refused = faults.filter((text) => /WebSocket connection to .*(401|HTTP Authentication failed)/.test(text))
  assert.ok(refused.length > 0)
  faults.splice(0, faults.length, ...faults.filter((text) => !refused.includes(text)))
  await close()
})

test('a tab of a user sends and saves nothing after another user has signed in in the same browser, and its link to the sign-in leads to the page of that user', async () => {
  for (const wasSaved of [true, false]) {
    const { page, close, name } = await registered(server, browser, { path: `/problems/${SLUG}` })
    await chooseLanguage(page, 'python')
    if (wasSaved) {
      const saved = page.waitForResponse((answer) => answer.url().includes('/drafts/python') && answer.request().method() === 'PUT' && answer.request().postData().includes('# of the first user'))
      await write(page, `${RIGHT}\n# of the first user\n`)
      await saved
    }
    const second = await signInAsAnother(page, name)
    await write(page, `${RIGHT}\n# typed later\n`)
    await page.getByRole('button', { name: 'Submit' }).click()
    await page.getByText('Your session has ended', { exact: true }).waitFor()
    const token = tokenOf(server, second)
    const owned = async () => {
      const { submissions } = await call(server, token, 'GET', '/submissions')
      const draft = await fetch(`${server.url}/api/v1/drafts/python?problem=${SLUG}`, { headers: { authorization: `Bearer ${token}` } })
      return [submissions, draft.status]
    }
    assert.deepEqual(await owned(), [[], 404], 'nothing belongs to the second user')

    // The browser loads the page of the second user. Nothing of the first user is in it.
    await page.getByText('Sign in again to return to this page').first().locator('..').getByRole('link', { name: 'Sign in' }).click()
    await page.getByRole('button', { name: new RegExp(`^Account.*${second}`) }).waitFor()
    await page.waitForURL(`${server.url}/problems/${SLUG}`)
    await page.getByText('Run your code on the samples, or submit it').waitFor()
    await page.getByRole('textbox', { name: /Source code/ }).waitFor()
    assert.equal(await page.getByText(/# (of the first user|typed later)/).count(), 0)
    assert.equal(await page.getByText('Your session has ended').count(), 0)
    assert.deepEqual(await owned(), [[], 404], 'nothing belongs to the second user')
    await close()
  }
})

test('a user whose session has ended keeps the code in the editor, also after a minute, an outage and in the palette', async () => {
  const { page, context, close, name, faults } = await registered(server, browser)
  await page.clock.install()
  await page.goto(`${server.url}/problems/${SLUG}`)
  await chooseLanguage(page, 'python')
  await write(page, '# mine\n')
  await endSessions(server, name)
  await page.clock.fastForward('06:00')
  await context.setOffline(true)
  await page.getByText('You are offline.').waitFor()
  await context.setOffline(false)
  await page.getByText('You are offline.').waitFor({ state: 'detached' })
  await page.keyboard.press('Control+k')
  await page.getByRole('option', { name: 'Sign out' }).waitFor()
  await page.keyboard.press('Escape')
  await page.getByRole('button', { name: 'Submit' }).click()
  await page.getByRole('alert').filter({ hasText: 'Your session has ended' }).waitFor()
  await page.getByText('# mine').waitFor()
  await page.getByRole('button', { name: new RegExp(`^Account.*${name}`) }).waitFor()
  forgive(faults)
  await close()
})

test('the page of a participant whose session has ended says so, and stays the page of a participant', async () => {
  const { page, close, name } = await registered(server, browser)
  await makeContest(server, 'steady', 'Steady Cup', -HOUR)
  await call(server, tokenOf(server, name), 'POST', '/contests/steady/participation', { kind: 'official' })
  await page.clock.install()
  await page.goto(`${server.url}/problems/${SLUG}?contest=steady`)
  await page.getByText(/Ends in/).waitFor()
  await endSessions(server, name)
  /** The page reads the contest again every minute. The server answers as it answers a visitor. */
  const readAgain = async () => {
    const answered = page.waitForResponse(/\/api\/v1\/contests\/steady\?/)
    await page.clock.fastForward('01:10')
    assert.equal((await (await answered).json()).participation, null)
  }
  await readAgain()
  await page.getByText('Your session has ended: you have signed out in another tab or browser').waitFor()
  assert.equal(await page.getByText('You do not take part').count(), 0)
  await page.getByText(/Ends in/).waitFor()
  await page.getByRole('link', { name: 'Questions', exact: true }).click()
  await page.getByText('You are taking part', { exact: true }).waitFor()
  await page.getByLabel('Question', { exact: true }).fill('Is N even?')
  await readAgain()
  await readAgain()
  assert.equal(await page.getByLabel('Question', { exact: true }).inputValue(), 'Is N even?')
  assert.equal(await page.getByText('Only participants can ask questions.').count(), 0)
  await close()
})

test('if the browser refuses to open a channel between tabs, every page is shown', async () => {
  const { page, close } = await visit(browser)
  await page.addInitScript(() => {
    window.BroadcastChannel = class {
      constructor() {
        throw new DOMException('The operation is insecure.', 'SecurityError')
      }
    }
  })
  await page.goto(`${server.url}/problems/${SLUG}`)
  await page.getByRole('textbox', { name: /Source code/ }).waitFor()
  await page.getByRole('link', { name: 'Playground' }).click()
  await page.getByRole('button', { name: 'Run', exact: true }).waitFor()
  await close()
})

test('a result that takes longer than twenty requests is shown', async () => {
  const { page, close } = await registered(server, browser, { path: `/problems/${SLUG}` })
  // The stream is refused, so that the page asks for the result.
  await page.route('**/api/v1/execute/*/events', (route) => route.fulfill({ status: 429 }))
  let asked = 0
  await page.route('**/api/v1/submissions/*?wait=*', async (route) => {
    const answer = await route.fetch()
    asked += 1
    await route.fulfill({ response: answer, ...(asked <= 25 && { json: { ...(await answer.json()), status: 'queued', verdict: null } }) })
  })
  await submit(page, RIGHT)
  await page.locator('[data-verdict="AC"]').waitFor()
  assert.equal(asked, 26)
  await close()
})

test('a second tap on Submit does not send the same code again', async () => {
  const { page, close, name } = await registered(server, browser, { theme: 'dark', width: 360, path: `/problems/${SLUG}` })
  await page.getByRole('tab', { name: 'Code' }).click()
  await chooseLanguage(page, 'python')
  await write(page, `import time\ntime.sleep(0.1)\n${RIGHT}`)
  await page.getByRole('button', { name: 'Submit' }).evaluate((button) => {
    button.click()
    button.click()
    setTimeout(() => button.click(), 500)
  })
  await page.locator('[data-verdict]').first().waitFor()
  const { submissions } = await call(server, tokenOf(server, name), 'GET', '/submissions')
  assert.equal(submissions.length, 1)
  await close()
})

/** Removes the console's messages about requests without a connection. */
const forgive = (faults) => faults.splice(0, faults.length, ...faults.filter((fault) => !/ERR_INTERNET_DISCONNECTED|ERR_FAILED/.test(fault)))

test('a verdict that arrives during an outage is shown when the browser is online again', async () => {
  const { page, context, close, name, faults } = await registered(server, browser, { width: 360, path: `/problems/${SLUG}` })
  await page.getByRole('tab', { name: 'Code' }).click()
  await submit(page, `import time\ntime.sleep(0.75)\n${RIGHT}`)
  await page.getByText(/^Running test/).first().waitFor()
  await context.setOffline(true)
  const token = tokenOf(server, name)
  await until('the verdict', async () => (await call(server, token, 'GET', '/submissions')).submissions[0]?.verdict === 'AC')
  await page.getByText('The connection was lost; reconnecting. Judging continues.').waitFor()
  assert.equal(await page.getByRole('alert').filter({ hasText: 'The server cannot be reached' }).count(), 0)
  await context.setOffline(false)
  await page.locator('[data-verdict="AC"]').waitFor()
  forgive(faults)
  await close()
})

test('after a change of the network, the page asks only for the events that it has not shown, so that no test is listed twice', async () => {
  const { page, close } = await registered(server, browser, { path: `/problems/${SLUG}` })
  const streams = []
  page.on('request', (request) => /\/events(\?|$)/.test(request.url()) && streams.push(request.url()))
  await submit(page, `import time\ntime.sleep(0.75)\n${RIGHT}`)
  await page.getByText(/^Running test/).first().waitFor()
  await page.evaluate(() => dispatchEvent(new Event('online')))
  await page.locator('[data-verdict="AC"]').waitFor()
  assert.match(streams.join('\n'), /\/events\n.*\/events\?after=\d+$/)
  await close()
})

test('code that is submitted without a connection is sent when the browser is online again, unless the user decides otherwise', async () => {
  const { page, context, check, close, name, faults } = await registered(server, browser, { width: 360 })
  const token = tokenOf(server, name)
  const sent = async () => (await call(server, token, 'GET', '/submissions')).submissions.length
  await page.goto(`${server.url}/problems/${SLUG}`)
  await page.getByRole('tab', { name: 'Code' }).click()
  await chooseLanguage(page, 'python')
  await write(page, RIGHT)
  await context.setOffline(true)
  await page.getByRole('button', { name: 'Submit' }).click()
  const box = page.getByRole('alert').filter({ hasText: 'Not submitted yet' })
  await box.waitFor()
  await check('not-submitted')
  await page.getByRole('button', { name: 'Do not submit' }).click()
  await page.getByText('Run your code on the samples, or submit it').waitFor()
  const attempts = []
  page.on('request', (request) => request.method() === 'POST' && request.url().endsWith('/submissions') && attempts.push(request.url()))
  await context.setOffline(false)
  await page.evaluate(() => navigator.onLine || new Promise((resolve) => addEventListener('online', resolve, { once: true })))
  // A page that sent the code would have begun before it gets this answer.
  await page.evaluate(() => fetch('/livez').then((answer) => answer.text()))
  await context.setOffline(true)
  assert.deepEqual(attempts, [])
  await page.getByRole('button', { name: 'Submit' }).click()
  await box.waitFor()
  assert.equal(await sent(), 0)
  await context.setOffline(false)
  await page.locator('[data-verdict="AC"]').waitFor()
  assert.equal(await sent(), 1)
  forgive(faults)
  await close()
})

test('if the answer to Submit is lost, the page says that the server may have the code, and sends it again; it counts once', async () => {
  const { page, close, name, faults } = await registered(server, browser, { path: `/problems/${SLUG}` })
  let lost = 0
  await page.route(`**/problems/${SLUG}/submissions`, async (route) => {
    if (route.request().method() !== 'POST' || lost > 0) return route.continue()
    lost += 1
    await route.fetch()
    await route.abort()
  })
  await submit(page, RIGHT)
  await page.getByRole('alert').filter({ hasText: 'The server has not confirmed your code' }).waitFor()
  await page.locator('[data-verdict="AC"]').waitFor()
  assert.equal(lost, 1)
  const { submissions } = await call(server, tokenOf(server, name), 'GET', '/submissions')
  assert.equal(submissions.length, 1)
  forgive(faults)
  await close()
})

test('if the session has ended before Submit, the user signs in and returns to the code', async () => {
  await makeContest(server, 'late', 'Late Cup', -HOUR)
  for (const [theme, width] of [['light', 1280], ['dark', 360]]) {
    const { page, check, close, name } = await registered(server, browser, { theme, width })
    const here = `${server.url}/problems/${SLUG}?contest=late`
    await page.goto(here)
    if (width < 900) await page.getByRole('tab', { name: 'Code' }).click()
    await chooseLanguage(page, 'python')
    await write(page, `${RIGHT}\n# mine\n`)
    await endSessions(server, name)
    await page.getByRole('button', { name: 'Submit' }).click()
    await page.getByText('Your session has ended', { exact: true }).waitFor()
    const told = page.getByText('Sign in again to return to this page').first()
    await told.waitFor()
    if (width < 900) await page.getByRole('tab', { name: 'Code' }).click()
    await page.getByText('# mine').waitFor()
    await check('session-ended')
    await told.locator('..').getByRole('link', { name: 'Sign in' }).click()
    await page.getByLabel('User name or e-mail address').fill(name)
    await page.getByLabel('Password').fill(PASSWORD)
    await page.getByRole('button', { name: 'Sign in' }).click()
    await page.waitForURL(width < 900 ? `${here}&view=code` : here)
    await page.getByText('# mine').waitFor()
    if (width < 900) await page.getByRole('tab', { name: 'Result' }).click()
    await page.getByRole('button', { name: 'Try again' }).click()
    await page.locator('[data-verdict="AC"]').waitFor()
    // The code that was sent stays in the history when it is changed.
    if (width < 900) await page.getByRole('tab', { name: 'Code' }).click()
    await write(page, '# other code\n')
    await page.getByRole('button', { name: 'History' }).click()
    const versions = page.getByRole('list', { name: 'Versions' }).getByRole('button')
    await versions.nth(1).click()
    await page.getByRole('region', { name: 'The code of this version' }).getByText('# mine').waitFor()
    await close()
  }
})

test('a session that has ended is said without Submit, and after a reload', async () => {
  const { page, close, name } = await registered(server, browser, { path: `/problems/${SLUG}` })
  await chooseLanguage(page, 'python')
  await write(page, '# before\n')
  const ended = page.getByText('Your session has ended: you have signed out in another tab or browser')
  await endSessions(server, name)
  // The draft is saved on the server, which refuses it.
  await page.keyboard.type('# after\n')
  await ended.waitFor()
  const signInAgain = async () => {
    await ended.locator('..').getByRole('link', { name: 'Sign in' }).click()
    await page.getByLabel('User name or e-mail address').fill(name)
    await page.getByLabel('Password').fill(PASSWORD)
    await page.getByRole('button', { name: 'Sign in' }).click()
    await page.getByText('# after').waitFor()
  }
  await signInAgain()
  await ended.waitFor({ state: 'detached' })
  await endSessions(server, name)
  await page.getByRole('textbox', { name: /Source code/ }).click()
  await page.keyboard.type('# later\n')
  await ended.waitFor()
  await page.reload()
  await ended.waitFor()
  await page.getByRole('status').getByRole('button', { name: 'Close' }).click()
  await ended.waitFor({ state: 'detached' })
  // The next page of this tab does not say it again.
  assert.equal(await page.evaluate(() => sessionStorage.getItem('cupel.signed-in')), null)
  await close()
})

test('after signing out, no page says that the session has ended', async () => {
  const { page, close } = await registered(server, browser)
  assert.equal(await page.evaluate(() => sessionStorage.getItem('cupel.signed-in')), '1')
  await page.getByRole('button', { name: /^Account/ }).click()
  await page.getByRole('menuitem', { name: 'Sign out' }).click()
  await page.getByRole('link', { name: 'Sign in', exact: true }).first().waitFor()
  assert.equal(await page.evaluate(() => sessionStorage.getItem('cupel.signed-in')), null)
  await close()
})

test('in a new browser, the editor begins with the language of the last submission', async () => {
  const first = await registered(server, browser, { path: `/problems/${SLUG}` })
  await submit(first.page, 'int main(void) { return 0; }\n', 'c')
  await first.page.getByText(/^Wrong answer/).first().waitFor()
  await first.page.evaluate(() => localStorage.clear())
  await first.page.reload()
  await first.page.getByRole('combobox', { name: 'Language' }).filter({ hasText: /^C17/ }).waitFor()
  await first.close()
})

test('code that waits for the connection is not sent after the user has changed it, until the user decides', async () => {
  const { page, context, close, name, faults } = await registered(server, browser, { path: `/problems/${SLUG}` })
  const token = tokenOf(server, name)
  const sent = async () => (await call(server, token, 'GET', '/submissions')).submissions.length
  await chooseLanguage(page, 'python')
  await write(page, 'print("old")\n')
  await context.setOffline(true)
  await page.getByRole('button', { name: 'Submit' }).click()
  await page.getByText('is submitted when the connection is back, unless you change it').waitFor()
  await write(page, `${RIGHT}\n# new\n`)
  await context.setOffline(false)
  await page.getByText('Your code was not submitted').waitFor()
  await page.getByText('“Try again” sends that code, not the different code').waitFor()
  assert.equal(await sent(), 0)
  await page.getByRole('button', { name: 'Try again' }).click()
  await page.locator('[data-verdict="WA"]').waitFor()
  assert.equal(await sent(), 1)
  await page.getByRole('button', { name: 'Submit', exact: true }).click()
  await page.locator('[data-verdict="AC"]').waitFor()
  assert.equal(await sent(), 2)
  forgive(faults)
  await close()
})

test('Ctrl-Enter sends the code that is in the editor, also if the page has not been drawn since the last change', async () => {
  const { page, close } = await registered(server, browser, { path: `/problems/${SLUG}` })
  await chooseLanguage(page, 'python')
  await write(page, RIGHT)
  /** Changes the code and presses the keys before the page is drawn again, as after a paste on a slow machine. */
  const changeAndPress = (text) =>
    page.evaluate((text) => {
      const content = document.querySelector('[data-editor]').shadowRoot.querySelector('.cm-content')
      content.focus()
      document.execCommand('insertText', false, text)
      content.dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter', keyCode: 13, ctrlKey: true, bubbles: true, composed: true, cancelable: true }))
    }, text)
  const sent = page.waitForRequest((request) => request.method() === 'POST' && request.url().endsWith('/submissions'))
  await changeAndPress('# submitted')
  assert.match((await sent).postDataJSON().source_code, /# submitted/)
  await page.locator('[data-verdict="AC"]').waitFor()
  await page.goto(`${server.url}/playground`)
  await chooseLanguage(page, 'python')
  await write(page, 'print(1)\n')
  await changeAndPress('print(2)')
  await page.getByText('The program ended normally').waitFor()
  assert.equal((await page.getByLabel('Output', { exact: true }).innerText()).trim(), '1\n2')
  await close()
})

test('in the custom input, Ctrl-Enter runs the code and does not submit it', async () => {
  const { page, close, name } = await registered(server, browser, { path: `/problems/${SLUG}` })
  await chooseLanguage(page, 'python')
  await write(page, RIGHT)
  await page.getByRole('tab', { name: 'Custom input' }).click()
  await page.getByRole('textbox', { name: 'Input for your program' }).fill('1 0\n5\n')
  await page.keyboard.press('Control+Enter')
  await page.getByText('Program ended').waitFor()
  const { submissions } = await call(server, tokenOf(server, name), 'GET', '/submissions?purpose=submission')
  assert.deepEqual(submissions, [])
  await close()
})
