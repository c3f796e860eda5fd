// Parts of a submission's result besides the verdict: the texts of tests that the user may see, and the comparison with
// other users' solutions.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, before, test } from 'node:test'
import { chooseLanguage, launch, visit } from './browser.mjs'
import { startServer } from './server.mjs'

const PATIENCE_MS = 60_000
const PASSWORD = 'correct horse battery'
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

async function call(path, body, token) {
  const headers = { 'content-type': 'application/json', ...(token && { authorization: `Bearer ${token}` }) }
  const answer = await fetch(`${server.url}/api/v1${path}`, { method: 'POST', headers, body: JSON.stringify(body) })
  const text = await answer.text()
  assert.ok(answer.ok, `${path}: ${answer.status} ${text}`)
  return JSON.parse(text)
}

/** A user without a browser, by name. */
async function registered(name) {
  await call('/auth/register', { username: name, email: `${name}@example.com`, password: PASSWORD })
  return (await call('/auth/login', { username: name, password: PASSWORD })).access_token
}

async function signIn(page, name) {
  await page.goto(`${server.url}/sign-in`)
  await page.getByLabel('User name or e-mail address').fill(name)
  await page.getByLabel('Password').fill(PASSWORD)
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.getByRole('heading', { name: 'Problems', exact: true }).waitFor()
}

async function submit(page, code) {
  await page.goto(`${server.url}/problems/${SLUG}`)
  if ((page.viewportSize()?.width ?? 0) < 900) await page.getByRole('tab', { name: 'Code' }).click()
  await chooseLanguage(page, 'python')
  const editor = page.getByRole('textbox', { name: /Source code/ })
  await editor.click()
  await page.keyboard.press('Control+a')
  await page.keyboard.press('Delete')
  await page.keyboard.insertText(code)
  await page.getByRole('button', { name: 'Submit' }).click()
}

const verdict = (page, code) => page.locator(`[data-verdict="${code}"]`).waitFor()

test('an administrator sees the input and the expected output of a hidden test and opens it in the playground, and a contestant does not', async () => {
  // A program that is correct on the small samples and wrong on a larger test.
  const wrong = RIGHT.replace('print(longest, begin + 1)', 'print(longest, begin + (1 if longest < 9 else 7))')
  assert.notEqual(wrong, RIGHT)
  const visitor = await visit(browser)
  const { page, check, close } = visitor
  page.setDefaultTimeout(PATIENCE_MS)
  const [, admin] = /administrator: (\S+)/.exec(server.stderr())
  await page.goto(/http:\S+\/password\?token=\S+/.exec(server.stderr())[0])
  for (const field of await page.locator('input[type=password]').all()) await field.fill(PASSWORD)
  await page.getByRole('button').click()
  await page.waitForLoadState()
  await signIn(page, admin)
  await submit(page, wrong)
  await verdict(page, 'WA')
  await page.getByLabel('Expected output', { exact: true }).getByText(/^\d+ \d+/).waitFor()
  await page.getByLabel('Input', { exact: true }).waitFor()
  await check('hidden-test')
  const play = page.getByRole('button', { name: /^Open in the playground Test \d+$/ })
  await play.click()
  await page.waitForURL(/\/playground$/)
  assert.match(await page.getByLabel('Text for the program to read').inputValue(), /^\d+ \d+\n/)
  await close()

  await registered('contestant')
  const other = await visit(browser)
  other.page.setDefaultTimeout(PATIENCE_MS)
  await signIn(other.page, 'contestant')
  await submit(other.page, wrong)
  await verdict(other.page, 'WA')
  await other.page.getByText(/^Wrong answer on test \d+$/).waitFor()
  assert.equal(await other.page.getByLabel('Expected output', { exact: true }).count(), 0)
  assert.equal(await other.page.getByRole('button', { name: /^Open in the playground Test/ }).count(), 0)
  await other.close()
})

test('an accepted solution is compared with other users\' solutions once ten users have an accepted solution', async () => {
  for (let n = 1; n < 10; n += 1) {
    const token = await registered(`solver-${n}`)
    const judged = await call(`/problems/${SLUG}/submissions?wait=60`, { language: 'python', source_code: RIGHT }, token)
    assert.equal(judged.verdict, 'AC', JSON.stringify(judged))
    if (n > 1) continue
    // With a single user, there is no comparison.
    const first = await visit(browser)
    first.page.setDefaultTimeout(PATIENCE_MS)
    await signIn(first.page, 'solver-1')
    await submit(first.page, RIGHT)
    await verdict(first.page, 'AC')
    await first.page.getByText('The comparison appears when ten users have solved this problem in Python 3.11.').waitFor()
    await first.close()
  }
  for (const [theme, width] of [['light', 1280], ['dark', 360]]) {
    await registered(`viewer-${width}`)
    const { page, check, close } = await visit(browser, { theme, width })
    page.setDefaultTimeout(PATIENCE_MS)
    await signIn(page, `viewer-${width}`)
    await submit(page, RIGHT)
    await verdict(page, 'AC')
    await page.getByRole('heading', { name: 'Compared with other solutions' }).scrollIntoViewIfNeeded()
    await page.getByRole('img', { name: /^Time of 1[01] users, from \d+ ms to/ }).waitFor()
    await page.getByRole('img', { name: /^Memory of 1[01] users, from \d+ MiB to/ }).waitFor()
    await page.getByText(/^You: \d+ MiB$/).waitFor()
    await check('compared')
    await close()
  }
})
