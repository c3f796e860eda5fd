// Contests in a browser, against the real server: from registering to the standings, which another browser sees change.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, before, test } from 'node:test'
import { chooseLanguage, launch, visit } from './browser.mjs'
import { startServer } from './server.mjs'

/** A condition that has not come true by then is a failure; nothing waits for it when it is true. */
const PATIENCE_MS = 60_000
const PASSWORD = 'correct horse battery'
const SLUG = 'calm-water'
const RIGHT = readFileSync(new URL(`../../problems/${SLUG}/submissions/accepted/queues.py`, import.meta.url), 'utf8')
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

/** A call as the administrator that the first start made. */
async function asAdmin(method, path, body) {
  const key = /API key: (\S+)/.exec(server.said())[1]
  const headers = { authorization: `Bearer ${key}`, ...(body && { 'content-type': 'application/json' }) }
  const answer = await fetch(`${server.url}/api/v1${path}`, { method, headers, ...(body && { body: JSON.stringify(body) }) })
  const text = await answer.text()
  assert.ok(answer.ok, `${method} ${path}: ${answer.status} ${text}`)
  return text === '' ? undefined : JSON.parse(text)
}

const HOUR = 3600
const at = (seconds) => new Date(Date.now() + seconds * 1000).toISOString()
const contest = (slug, title, starts, change = {}) =>
  asAdmin('POST', '/contests', { slug, title, style: 'icpc', starts_at: at(starts), length_seconds: 2 * HOUR, public: true, problems: [SLUG], ...change })

let made = 0
async function registered(options) {
  const visitor = await visit(browser, options)
  const { page } = visitor
  page.setDefaultTimeout(PATIENCE_MS)
  made += 1
  const name = `student-${made}`
  await page.goto(`${server.url}/register`)
  await page.getByLabel('User name').fill(name)
  await page.getByLabel('E-mail address').fill(`${name}@example.com`)
  await page.getByLabel('Password').fill(PASSWORD)
  await page.getByRole('button', { name: 'Create the account' }).click()
  await page.getByRole('heading', { name: 'Problems', exact: true }).waitFor()
  return { ...visitor, name }
}

async function submit(page, code) {
  await chooseLanguage(page, 'python')
  const editor = page.getByRole('textbox', { name: /Source code/ })
  await editor.click()
  await page.keyboard.press('Control+a')
  await page.keyboard.press('Delete')
  await page.keyboard.insertText(code)
  await page.getByRole('button', { name: 'Submit' }).click()
}

test('without contests the page says so and leads to the problems', async () => {
  const { page, check, close } = await visit(browser)
  await page.goto(`${server.url}/contests`)
  await page.getByText('There are no contests yet').waitFor()
  await check('contests-empty')
  await page.getByRole('link', { name: 'All problems' }).click()
  await page.getByRole('heading', { name: 'Problems', exact: true }).waitFor()
  await close()
})

test('a student registers, joins a contest, solves its problem, and another browser sees the standings change', async () => {
  await contest('spring', 'Spring Cup', -HOUR, { freeze_seconds: 600, description: 'Two **hours**, one problem.\n\n<script>alert(1)</script>' })
  await contest('summer', 'Summer Cup', 30 * HOUR)
  const student = await registered()
  const { page } = student
  await page.getByRole('link', { name: 'Contests' }).click()
  await page.getByRole('link', { name: 'Spring Cup' }).waitFor()
  await student.check('contests')
  await page.getByRole('link', { name: 'Spring Cup' }).click()
  await page.getByText('The problems are shown to participants').waitFor()
  // The description is Markdown; HTML in it is text.
  await page.locator('strong', { hasText: 'hours' }).waitFor()
  await page.getByText('<script>alert(1)</script>').waitFor()
  assert.match(await page.getByRole('timer').innerText(), /^(1:00:0\d|0:5\d:\d\d)$/)
  await page.getByRole('button', { name: 'Join now' }).click()
  await page.getByText('You take part', { exact: true }).waitFor()
  await page.getByRole('link', { name: 'Calm Water' }).waitFor()
  await student.check('contest-problems')

  // The other browser watches; it is not signed in.
  const guest = await visit(browser, { theme: 'dark' })
  guest.page.setDefaultTimeout(PATIENCE_MS)
  await guest.page.goto(`${server.url}/contests/spring?view=standings`)
  const row = guest.page.getByRole('row', { name: new RegExp(student.name) })
  await row.waitFor()

  await page.getByRole('link', { name: 'Calm Water' }).click()
  await page.getByRole('link', { name: 'Spring Cup' }).waitFor()
  await submit(page, WRONG)
  await row.getByText('not solved, 1 try').waitFor()
  await submit(page, RIGHT)
  await row.getByText(/^solved at 1:0\d, 2 tries, first solution of this problem$/).waitFor()
  await guest.check('contest-standings')
  await guest.close()

  await page.getByRole('link', { name: 'Spring Cup' }).click()
  await page.getByText(/^solved at 1:0\d, 2 tries/).waitFor()
  await page.getByRole('link', { name: 'Standings' }).click()
  await page.getByRole('row', { name: new RegExp(`${student.name} You 1 \\d+`) }).waitFor()
  await student.check('contest-standings-own')
  await student.close()
})

test('a question is asked, and its answer and an announcement appear by themselves', async () => {
  await contest('autumn', 'Autumn Cup', -HOUR)
  const { page, check, close } = await registered({ theme: 'dark' })
  await page.goto(`${server.url}/contests/autumn?view=clarifications`)
  await page.getByText('Only participants can ask questions.').waitFor()
  await page.getByRole('button', { name: 'Join now' }).click()
  await page.getByLabel('About').selectOption({ label: 'A. Calm Water' })
  await page.getByLabel('Question', { exact: true }).fill('Is <b>N</b> even?\u202e')
  await page.getByRole('button', { name: 'Send' }).click()
  await page.getByText('Not answered yet').waitFor()
  await page.getByText('Is <b>N</b> even?', { exact: false }).waitFor()
  const { clarifications } = await asAdmin('GET', '/contests/autumn/clarifications')
  await asAdmin('PATCH', `/contests/autumn/clarifications/${clarifications[0].clarification_id}`, { answer: 'Not always.', public: true })
  await asAdmin('POST', '/contests/autumn/announcements', { text: 'Sample 2 was corrected.' })
  const news = page.locator('[aria-live=polite]')
  await news.getByText('Not always.').waitFor()
  await news.getByText('Sample 2 was corrected.').waitFor()
  await check('contest-questions')
  await close()
})

test('a contest that is over can be taken part in virtually', async () => {
  const { page, check, close } = await registered()
  // The shortest length that the server accepts, almost over: the page follows when it ends.
  await contest('winter', 'Winter Cup', -50, { length_seconds: 60 })
  await page.goto(`${server.url}/contests/winter`)
  await page.getByText('Over', { exact: true }).waitFor()
  await check('contest-over')
  await page.getByRole('button', { name: 'Take part virtually' }).click()
  await page.getByText('You take part virtually').waitFor()
  await page.getByText('Your time ends in').waitFor()
  assert.match(await page.getByRole('timer').innerText(), /^0:0(1:00|0:\d\d)$/)
  await close()
})

test('a private contest is joined with its code, with the keyboard only', async () => {
  const { join_code: code } = { ...(await contest('club', 'Club Cup', HOUR, { public: false })), ...(await asAdmin('GET', '/contests/club')) }
  const { page, check, close } = await registered()
  await page.goto(`${server.url}/contests/club`)
  await page.getByText('it is not public').waitFor()
  await check('contest-code')
  const tabTo = async (locator) => {
    for (let presses = 0; presses < 40; presses += 1) {
      if (await locator.evaluate((element) => element === document.activeElement)) return
      await page.keyboard.press('Tab')
    }
    assert.fail('the keyboard does not reach the element')
  }
  await tabTo(page.getByLabel('Join code'))
  await page.keyboard.type(code)
  await page.keyboard.press('Enter')
  await page.getByRole('heading', { name: 'Club Cup' }).waitFor()
  await page.getByText('The problems are shown when the contest begins.').waitFor()
  await tabTo(page.getByRole('link', { name: 'Standings' }))
  await page.keyboard.press('Enter')
  await page.getByText('Nobody takes part yet').waitFor()
  await tabTo(page.getByRole('button', { name: 'Withdraw' }))
  await page.keyboard.press('Enter')
  await page.getByText('it is not public').waitFor()
  await close()
})

test('on a phone the standings scroll inside their own region', async () => {
  // Frozen from its beginning.
  await contest('frozen', 'Frozen Cup', -HOUR, { freeze_seconds: 2 * HOUR })
  for (const theme of ['light', 'dark']) {
    const { page, check, close, name } = await registered({ theme, width: 360 })
    await page.getByRole('link', { name: 'Contests' }).tap()
    await page.getByRole('link', { name: 'Frozen Cup' }).waitFor()
    await check('contests')
    await page.getByRole('link', { name: 'Frozen Cup' }).tap()
    await page.getByRole('button', { name: 'Join now' }).tap()
    await page.getByRole('link', { name: 'Calm Water' }).waitFor()
    await check('contest-problems')
    await page.getByRole('link', { name: 'Standings' }).tap()
    await page.getByRole('row', { name: new RegExp(name) }).waitFor()
    await page.getByText('The standings are frozen.').waitFor()
    await check('contest-standings')
    await page.getByRole('link', { name: 'Questions' }).tap()
    await page.getByText('There are no questions or announcements yet').waitFor()
    await check('contest-questions')
    await close()
  }
})
