// Contests in a browser, against the real server, from registration to the standings, which a second browser follows.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, before, test } from 'node:test'
import { checkSize, launch, visit } from './browser.mjs'
import * as people from './people.mjs'
import { HOUR, PATIENCE_MS, submit } from './people.mjs'
import { startServer } from './server.mjs'

const SLUG = 'calm-water'
const solution = (slug, file) => readFileSync(new URL(`../../problems/${slug}/submissions/${file}`, import.meta.url), 'utf8')
const RIGHT = solution(SLUG, 'accepted/queues.py')
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

const asAdmin = (...rest) => people.asAdmin(server, ...rest)
const contest = (...rest) => people.makeContest(server, ...rest)
const registered = (options) => people.registered(server, browser, options)

test('without contests, the page shows a note and links to the problems', async () => {
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
  await page.getByRole('button', { name: 'Take part' }).click()
  await page.getByText('You are taking part', { exact: true }).waitFor()
  await page.getByRole('link', { name: 'Calm Water' }).waitFor()
  await student.check('contest-problems')

  // The second browser follows the standings and is not signed in.
  const guest = await visit(browser, { theme: 'dark' })
  await guest.page.goto(`${server.url}/contests/spring?view=standings`)
  const row = guest.page.getByRole('row', { name: new RegExp(student.name) })
  await row.waitFor()

  await page.getByRole('link', { name: 'Calm Water' }).click()
  await page.getByRole('link', { name: 'Spring Cup' }).waitFor()
  await submit(page, WRONG)
  await row.getByText('not solved, 1 try').waitFor()
  await submit(page, RIGHT)
  await row.getByText(/^solved at 1:\d\d, 2 tries, first solution of this problem$/).waitFor()
  await guest.check('contest-standings')
  await guest.close()

  await page.getByRole('link', { name: 'Spring Cup' }).click()
  await page.getByText(/^solved at 1:\d\d, 2 tries/).waitFor()
  await page.getByRole('link', { name: 'Standings' }).click()
  await page.getByRole('row', { name: new RegExp(`${student.name} You 1 \\d+`) }).waitFor()
  await student.check('contest-standings-own')
  // Back shows the problem with its verdict.
  await page.goBack()
  await page.goBack()
  await page.locator('[data-verdict="AC"]').waitFor()
  await student.close()
})

test('an answer to a question and an announcement appear without a reload', async () => {
  await contest('autumn', 'Autumn Cup', -HOUR)
  const { page, check, close } = await registered({ theme: 'dark', path: '/contests/autumn?view=clarifications' })
  await page.getByText('Only participants can ask questions.').waitFor()
  await page.getByRole('button', { name: 'Take part' }).click()
  await page.getByLabel('About').selectOption({ label: 'A. Calm Water' })
  await page.getByLabel('Question', { exact: true }).fill('Is <b>N</b> even?\u202e')
  // The field is read-only while the question is sent, so that no typed text is lost.
  const url = '**/contests/autumn/clarifications'
  let answer = () => {}
  const held = new Promise((resolve) => {
    answer = resolve
  })
  await page.route(url, async (route) => {
    if (route.request().method() === 'POST') await held
    return route.fallback()
  })
  // A double click sends the question once.
  await page.getByRole('button', { name: 'Send' }).dblclick()
  await page.locator('textarea[readonly]').waitFor()
  answer()
  await page.getByText('Not answered yet').waitFor()
  await page.getByText('Is <b>N</b> even?', { exact: false }).waitFor()
  const { clarifications } = await asAdmin('GET', '/contests/autumn/clarifications')
  assert.equal(clarifications.length, 1)
  await asAdmin('PATCH', `/contests/autumn/clarifications/${clarifications[0].clarification_id}`, { answer: 'Not always.', public: true })
  await asAdmin('POST', '/contests/autumn/announcements', { text: '**Sample 2** was corrected.\nSee https://rules.example/a?b=c&d=%3Ce#f. <b>Not</b> javascript:alert(1)' })
  const news = page.locator('[aria-live=polite]')
  await news.getByText('Not always.').waitFor()
  await news.locator('strong', { hasText: 'Sample 2' }).waitFor()
  // Line breaks are shown, web addresses are links, and raw HTML is text.
  const link = news.getByRole('link')
  assert.deepEqual(await link.evaluateAll((all) => all.map((one) => [one.innerText, one.href, one.rel])), [['https://rules.example/a?b=c&d=%3Ce#f', 'https://rules.example/a?b=c&d=%3Ce#f', 'noopener noreferrer nofollow']])
  assert.match(await news.getByRole('article', { name: 'Announcement' }).innerText(), /corrected\.\nSee https.*#f\. <b>Not<\/b> javascript:alert\(1\)/)
  await check('contest-questions')
  await close()
})

test('the error of a question that was not sent stays when another answer arrives', async () => {
  await contest('foggy', 'Foggy Cup', -HOUR)
  const { page, close } = await registered({ path: '/contests/foggy?view=clarifications' })
  await page.getByRole('button', { name: 'Take part' }).click()
  const question = page.getByLabel('Question', { exact: true })
  await question.fill('Is it cold?')
  await page.getByRole('button', { name: 'Send' }).click()
  const sent = page.getByText('Not answered yet')
  await sent.waitFor()
  const json = { type: 'about:blank', title: 'too many requests', status: 429, code: 'rate-limited', detail: 'wait', request_id: '01' }
  await page.route('**/contests/foggy/clarifications', (route) => (route.request().method() === 'POST' ? route.fulfill({ status: 429, json }) : route.fallback()))
  await question.fill('Is it dark?')
  await page.getByRole('button', { name: 'Send' }).click()
  const error = page.getByRole('alert').filter({ hasText: 'too many requests' })
  await error.waitFor()
  const { clarifications } = await asAdmin('GET', '/contests/foggy/clarifications')
  await asAdmin('PATCH', `/contests/foggy/clarifications/${clarifications[0].clarification_id}`, { answer: 'Rather.', public: true })
  await page.getByText('Rather.').waitFor()
  assert.equal(await error.count(), 1)
  assert.equal(await question.inputValue(), 'Is it dark?')
  await close()
})

test('unchanged standings are not sent again, but their time advances', async () => {
  const student = await registered()
  const { page } = student
  // A few seconds before the first hour of the contest is over.
  await contest('idle', 'Idle Cup', 10 - HOUR)
  await page.goto(`${server.url}/contests/idle`)
  await page.getByRole('button', { name: 'Take part' }).click()
  await page.getByText('You are taking part', { exact: true }).waitFor()
  // Responses to the previous page are not counted.
  await page.goto('about:blank')
  const statuses = []
  page.on('response', (answer) => {
    if (answer.url().includes('/contests/idle/standings?')) statuses.push(answer.status())
  })
  const answers = (count) => (statuses.length >= count ? undefined : page.waitForEvent('response', { predicate: () => statuses.length >= count }))
  await page.goto(`${server.url}/contests/idle?view=standings`)
  const row = page.getByRole('row', { name: new RegExp(student.name) })
  await row.waitFor()
  const time = page.getByText(/^At \d:\d\d \(hours:minutes\) of the contest/)
  const first = await time.innerText()
  await answers(4)
  await time.filter({ hasNotText: first }).waitFor()
  assert.deepEqual([...new Set(statuses)], [200, 304])
  assert.equal(statuses.filter((status) => status === 200).length, 1, `${statuses}`)
  await row.waitFor()

  // A change is sent once; then responses are empty again.
  await people.call(server, people.tokenOf(server, student.name), 'POST', `/problems/${SLUG}/submissions?wait=30`, { language: 'python', source_code: RIGHT })
  await row.getByText(/^solved at \d:\d\d, 1 try, first solution of this problem$/).waitFor()
  const from = statuses.length
  await answers(from + 3)
  assert.deepEqual(statuses.slice(from, from + 3), [304, 304, 304])
  await row.getByText(/^solved at \d:\d\d, 1 try/).waitFor()
  await student.close()
})

/** A problem whose checker gives points for each correct line. */
const LINES = {
  'init.yml': 'time_limit: 2\nchecker: linecount\ntest_cases:\n- {in: 1.in, out: 1.out, points: 100}\n',
  'statement.md': 'Print the numbers from 1 to N.\n',
  '1.in': '4\n',
  '1.out': '1\n2\n3\n4\n',
}

/** A problem with two tests, of which the second has most of the points. */
const DOUBLED = {
  'init.yml': 'time_limit: 1\ntest_cases:\n- {in: 1.in, out: 1.out, points: 25}\n- {in: 2.in, out: 2.out, points: 75}\n',
  'statement.md': 'Print N twice.\n',
  '1.in': '4\n',
  '1.out': '4\n4\n',
  '2.in': '5\n',
  '2.out': '5\n5\n',
}

test('in an IOI contest, the standings show the best score, and a worse score does not replace it', async () => {
  await people.putProblem(server, 'four-lines', LINES)
  await people.putProblem(server, 'doubled', DOUBLED)
  await contest('points', 'Points Cup', -HOUR, { style: 'ioi', problems: ['doubled', 'four-lines'] })
  const doubled = { label: 'A', partial: 'n = input()\nwhile n == "5": pass\nprint(n, n, sep="\\n")\n', full: 'n = input()\nprint(n, n, sep="\\n")\n', verdict: 'TLE' }
  const lines = { label: 'B', partial: 'print(1, 2, 0, 0, sep="\\n")\n', full: 'print(1, 2, 3, 4, sep="\\n")\n', verdict: 'WA' }
  for (const [theme, width, { label, partial, full, verdict }] of [['light', 1280, doubled], ['dark', 360, lines]]) {
    const student = await registered({ theme, width })
    const { page, check } = student
    const guest = await visit(browser, { theme })
    await page.goto(`${server.url}/contests/points`)
    await page.getByText('IOI', { exact: true }).waitFor()
    await page.getByRole('button', { name: 'Take part' }).click()
    const problem = page.getByRole('listitem').filter({ has: page.getByText(label, { exact: true }) }).getByRole('link')
    await problem.waitFor()
    await guest.page.goto(`${server.url}/contests/points?view=standings`)
    const row = guest.page.getByRole('row', { name: new RegExp(student.name) })
    await row.getByText('not tried').first().waitFor()
    // Points count, so there is no number of solved problems.
    assert.equal(await page.getByRole('columnheader', { name: 'Solved' }).count(), 0)

    await problem.click()
    /** Submits, and waits for the verdict. */
    const send = async (code, expected) => {
      if (width < 900) await page.getByRole('tab', { name: 'Code' }).click()
      await submit(page, code)
      await page.locator(`[data-verdict="${expected}"]`).first().waitFor()
    }
    await send(partial, verdict)
    const [, score] = /^Score (\d+) of 100$/.exec(await page.getByText(/^Score .* of 100$/).innerText())
    assert.ok(Number(score) > 0 && Number(score) < 100, score)
    await check('ioi-partial')
    // The points are also shown in words, and a partial solution does not count as the first solution.
    await row.getByText(`${score} points`, { exact: true }).waitFor()
    await row.getByText(score, { exact: true }).first().waitFor()
    await guest.page.getByRole('columnheader', { name: 'Score' }).waitFor()
    await guest.page.getByText('score of the best submission').waitFor()
    assert.equal(await guest.page.getByText('★').count(), 0)
    assert.equal(await guest.page.getByText('first solution').count(), 0)

    await send(full, 'AC')
    await page.getByText('In this contest: 100 points', { exact: true }).waitFor()
    await row.getByText('100 points', { exact: true }).waitFor()
    await send(partial, verdict)
    await page.getByRole('link', { name: 'Points Cup' }).click()
    await page.getByText('100 points', { exact: true }).waitFor()
    await check('ioi-problems')
    await page.getByRole('link', { name: 'Standings' }).click()
    await page.getByRole('row', { name: new RegExp(student.name) }).getByText('100 points', { exact: true }).waitFor()
    await check('ioi-standings')
    await guest.check('ioi-standings-guest')
    await guest.close()
    await student.close()
  }
})

test('two participants see each other in the standings', async () => {
  await contest('pair', 'Pair Cup', -HOUR)
  const both = [await registered(), await registered({ theme: 'dark' })]
  for (const { page } of both) {
    await page.goto(`${server.url}/contests/pair`)
    await page.getByRole('button', { name: 'Take part' }).click()
    await page.getByText('You are taking part', { exact: true }).waitFor()
    await page.getByRole('link', { name: 'Standings' }).click()
  }
  const [first, second] = both
  const rowOf = (viewer, { name }) => viewer.page.getByRole('row', { name: new RegExp(name) })
  for (const [viewer, other] of [[first, second], [second, first]]) {
    await rowOf(viewer, other).getByText('not tried').waitFor()
    const watched = rowOf(viewer, other).getByText(/^solved at 1:\d\d/).waitFor()
    await other.page.getByRole('link', { name: 'Problems' }).last().click()
    await other.page.getByRole('link', { name: 'Calm Water' }).click()
    await submit(other.page, RIGHT)
    await watched
    await other.page.getByRole('link', { name: 'Pair Cup' }).click()
    await other.page.getByRole('link', { name: 'Standings' }).click()
  }
  // Each participant sees both, in the same order.
  const orders = []
  for (const viewer of both) {
    for (const one of both) await rowOf(viewer, one).getByText(/^solved at 1:\d\d/).waitFor()
    orders.push(await viewer.page.getByRole('rowheader').allInnerTexts())
  }
  const names = (order) => order.map((text) => /student-\d+/.exec(text)[0])
  assert.deepEqual(names(orders[0]), names(orders[1]))
  for (const viewer of both) await viewer.close()
})

test('the form for questions begins with the problem from whose page it was opened', async () => {
  await contest('asking', 'Asking Cup', -HOUR, { problems: ['odometer', SLUG] })
  const { page, close } = await registered({ width: 360, path: '/contests/asking' })
  await page.getByRole('button', { name: 'Take part' }).tap()
  await page.getByRole('link', { name: 'Calm Water' }).tap()
  // The page of the contest has a link of this name, too.
  await page.getByRole('heading', { name: 'Calm Water', level: 1 }).waitFor()
  await page.getByRole('link', { name: 'Questions' }).tap()
  await page.getByRole('heading', { name: 'Ask the organizers' }).waitFor()
  const about = page.getByLabel('About')
  assert.equal(await about.inputValue(), 'B')
  // An unsent question keeps its subject. Without a text, the address decides.
  await about.selectOption('A')
  await page.reload()
  await page.getByRole('heading', { name: 'Ask the organizers' }).waitFor()
  assert.equal(await about.inputValue(), 'B')
  await about.selectOption('A')
  await page.getByLabel('Question', { exact: true }).fill('Is the first day')
  await page.reload()
  await page.getByRole('heading', { name: 'Ask the organizers' }).waitFor()
  assert.equal(await about.inputValue(), 'A')
  await about.selectOption('B')
  await page.getByLabel('Question', { exact: true }).fill('Is the first day counted?')
  await page.getByRole('button', { name: 'Send', exact: true }).tap()
  await page.getByRole('article').getByText('Problem B', { exact: true }).waitFor()
  // Elsewhere, no problem is chosen.
  await page.goto(`${server.url}/contests/asking?view=clarifications`)
  await page.getByRole('heading', { name: 'Ask the organizers' }).waitFor()
  assert.equal(await about.inputValue(), '')
  await close()
})

test('on a phone with text of 200 %, nothing of a contest is cut, and in landscape the tabs of a contest are in view', async () => {
  await contest('large', 'Large Cup of the Whole Faculty', -HOUR, { description: 'Teams of three.\n\nNo internet.' })
  const { page, context, close } = await registered({ width: 360, path: '/contests/large' })
  await page.getByRole('button', { name: 'Take part' }).tap()
  await page.getByText('You are taking part', { exact: true }).waitFor()
  for (const text of ['Read the statement again.', 'The second sample was corrected.']) await asAdmin('POST', '/contests/large/announcements', { text })
  const session = await context.newCDPSession(page)
  await session.send('Page.setFontSizes', { fontSizes: { standard: 32, fixed: 26 } })
  await page.goto(`${server.url}/problems/${SLUG}?contest=large`)
  await page.getByRole('link', { name: /^Questions/ }).getByText('2', { exact: true }).waitFor()
  await checkSize(page, 'a problem of a contest with large text')
  await page.goto(`${server.url}/contests/large?view=clarifications`)
  const tab = page.getByRole('link', { name: 'Questions' })
  await tab.waitFor()
  // The list of tabs is scrolled in the next frame.
  await people.until('the tab is in view', async () => {
    const [place, list] = [await tab.boundingBox(), await tab.locator('..').boundingBox()]
    return place.x >= list.x && place.x + place.width <= list.x + list.width + 1
  })
  await page.goto(`${server.url}/account?view=keys`)
  const left = page.getByText(/^[\d,]+ of [\d,]+ left now$/)
  await left.first().waitFor()
  await checkSize(page, 'the limits of an account with large text')
  for (const [at, one] of (await left.all()).entries()) {
    const [label, text] = [await one.locator('xpath=preceding-sibling::span').boundingBox(), await one.boundingBox()]
    assert.ok(label.width > 150 && text.y >= label.y + label.height - 1, `limit ${at}: ${JSON.stringify([label, text])}`)
  }
  await page.goto(`${server.url}/contests/large?view=standings`)
  const name = page.getByRole('rowheader').getByText(/^student-/)
  await name.waitFor()
  const [line, font] = await name.evaluate((one) => [parseFloat(getComputedStyle(one).lineHeight), parseFloat(getComputedStyle(one).fontSize)])
  assert.ok(line >= font, `lines of ${line} px with letters of ${font} px`)
  await session.send('Page.setFontSizes', { fontSizes: { standard: 16, fixed: 13 } })
  await page.setViewportSize({ width: 740, height: 360 })
  await page.goto(`${server.url}/contests/large?view=standings`)
  await page.getByRole('rowheader').first().waitFor()
  const tabs = await page.getByRole('link', { name: 'Standings' }).boundingBox()
  assert.ok(tabs.y + tabs.height <= 300, `the tabs end at ${tabs.y + tabs.height} px of 360`)
  await close()
})

test('a user can take part virtually in a contest that is over', async () => {
  const { page, check, close } = await registered()
  // A contest that is almost over. The page changes when the contest ends. A virtual participation takes longer than the rest of this test.
  await contest('winter', 'Winter Cup', -590, { length_seconds: 600 })
  await page.goto(`${server.url}/contests/winter`)
  await page.getByText('Over', { exact: true }).waitFor()
  await check('contest-over')
  const guest = await visit(browser)
  await guest.page.goto(`${server.url}/contests/winter`)
  await guest.page.getByRole('link', { name: 'Sign in to take part virtually' }).waitFor()
  await guest.page.getByText('You get the full time of the contest.').waitFor()
  await guest.close()
  await page.getByRole('link', { name: 'Questions' }).click()
  await page.getByText('The contest is over, so this page takes no more questions.').waitFor()
  assert.equal(await page.getByText('Ask the organizers').count(), 0)
  // The question takes the focus. Escape and Cancel return it to the button.
  const asks = page.getByRole('button', { name: 'Take part virtually' })
  const starts = page.getByRole('button', { name: 'Start now' })
  const isFocused = (button) => button.evaluate((element) => element === document.activeElement)
  for (const leave of [() => page.keyboard.press('Escape'), () => page.getByRole('button', { name: 'Cancel' }).click()]) {
    await asks.click()
    assert.ok(await isFocused(starts))
    await leave()
    assert.ok(await isFocused(asks))
  }
  await asks.click()
  await starts.click()
  await page.getByText('You are taking part virtually').waitFor()
  // The focus stays in its place, although the button is gone.
  await page.waitForFunction(() => document.activeElement.innerText.startsWith('You are taking part virtually'))
  await page.getByText('Your time ends in').waitFor()
  await page.getByRole('heading', { name: 'Ask the organizers' }).waitFor()
  assert.match(await page.getByRole('timer').innerText(), /^0:(10:00|0\d:\d\d)$/)
  // Each part of the page is a step of the history.
  await page.getByRole('link', { name: 'Standings' }).click()
  await page.getByRole('row', { name: /No rank: takes part virtually/ }).waitFor()
  // While the user's virtual participation lasts, the contest is among the running ones, with the remaining time of the participation.
  await page.getByRole('link', { name: 'Contests', exact: true }).click()
  const group = (name) => page.locator('section').filter({ has: page.getByRole('heading', { name, exact: true }) })
  const line = group('Running now').getByRole('listitem').filter({ hasText: 'Winter Cup' })
  await line.getByText('You are taking part virtually').waitFor()
  await line.getByText('Your time ends in').waitFor()
  assert.equal(await group('Past').getByText('Winter Cup').count(), 0)
  await check('contests-own')
  await page.goBack()
  await page.goBack()
  await page.getByRole('heading', { name: 'Ask the organizers' }).waitFor()
  await close()
})

test('if the answer to Take part is lost, its error goes as soon as the page says that the user takes part', async () => {
  await contest('windy', 'Windy Cup', -HOUR)
  const { page, close, faults } = await registered({ path: '/contests/windy' })
  let show
  const held = new Promise((resolve) => (show = resolve))
  await page.route('**/contests/windy?*', async (route) => {
    await held
    return route.continue()
  })
  await page.route('**/contests/windy/participation', async (route) => {
    await route.fetch()
    return route.abort()
  })
  await page.getByRole('button', { name: 'Take part', exact: true }).click()
  const error = page.getByRole('alert').filter({ hasText: 'The server cannot be reached' })
  await error.waitFor()
  show()
  await page.getByText('You are taking part', { exact: true }).waitFor()
  await error.waitFor({ state: 'detached' })
  faults.splice(0, faults.length, ...faults.filter((fault) => !/ERR_FAILED/.test(fault)))
  await close()
})

test('a private contest can be joined with its code by keyboard only', async () => {
  const { join_code: code } = { ...(await contest('club', 'Club Cup', HOUR, { public: false })), ...(await asAdmin('GET', '/contests/club')) }
  const { page, check, close } = await registered({ path: '/contests/club' })
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
  // The form is gone. Tab goes on in the contest.
  const inMain = () => page.waitForFunction(() => document.activeElement.matches('main'))
  await inMain()
  await page.getByText('The problems are shown when the contest begins.').waitFor()
  await tabTo(page.getByRole('link', { name: 'Standings' }))
  await page.keyboard.press('Enter')
  await page.getByText('1 participant so far').waitFor()
  await tabTo(page.getByRole('button', { name: 'Withdraw' }))
  await page.keyboard.press('Enter')
  await page.getByText('it is not public').waitFor()
  await inMain()
  await close()
})

test('a problem of the user\'s running contest says so, leads to the other problems, and shows no tags', async () => {
  await contest('relay', 'Relay Cup', -HOUR, { problems: ['odometer', 'owl-tree', 'calm-water'] })
  for (const width of [1280, 360]) {
    const { page, check, close } = await registered({ width, path: '/problems/owl-tree' })
    await page.getByRole('link', { name: 'trees', exact: true }).waitFor()
    assert.equal(await page.getByRole('link', { name: 'Relay Cup' }).count(), 0)
    await page.goto(`${server.url}/contests/relay`)
    await page.getByRole('button', { name: 'Take part' }).click()
    await page.getByText('You are taking part', { exact: true }).waitFor()
    await page.goto(`${server.url}/problems/owl-tree`)
    await page.getByRole('link', { name: 'Relay Cup' }).waitFor()
    await page.getByRole('timer').waitFor()
    assert.equal(await page.getByRole('link', { name: 'trees', exact: true }).count(), 0)
    await check('in-contest')
    await page.getByRole('link', { name: 'Previous problem: A' }).click()
    await page.waitForURL(/odometer\?contest=relay$/)
    await page.getByRole('link', { name: 'Next problem: B' }).click()
    await page.getByRole('link', { name: 'Next problem: C' }).click()
    await page.waitForURL(/calm-water\?contest=relay$/)
    assert.equal(await page.getByText(/^Next problem: /).count(), 0)
    await page.getByRole('link', { name: 'Standings' }).click()
    await page.waitForURL(/relay\?view=standings$/)
    await close()
  }
})

test('a contest that is not listed is joined with its address and its join code, on the list and on its own page', async () => {
  await contest('hidden', 'Hidden Cup', HOUR, { public: false })
  const { join_code: joinCode } = await asAdmin('GET', '/contests/hidden')
  for (const width of [1280, 360]) {
    const { page, check, close } = await registered({ width, path: '/contests' })
    await page.getByLabel('Address of the contest').fill('Hidden Cup!')
    await page.getByLabel('Join code').fill('WRONG')
    await page.getByRole('button', { name: 'Take part', exact: true }).click()
    await page.getByText('This is not the address of a contest.').waitFor()
    await page.getByLabel('Address of the contest').fill(`${server.url}/contests/hidden?view=standings`)
    await page.keyboard.press('Enter')
    await page.getByRole('alert').filter({ hasText: 'The address or the join code is wrong.' }).waitFor()
    await check('contests-address')
    await page.goto(`${server.url}/contests/hidden`)
    await page.getByLabel('Join code').fill('WRONG')
    await page.keyboard.press('Enter')
    await page.getByRole('alert').filter({ hasText: 'The join code is wrong.' }).waitFor()
    assert.equal(await page.getByLabel('Join code').inputValue(), 'WRONG')
    await check('contest-code-wrong')
    await page.goto(`${server.url}/contests`)
    await page.getByLabel('Address of the contest').fill('hidden')
    await page.getByLabel('Join code').fill(joinCode.toLowerCase())
    await page.keyboard.press('Enter')
    await page.waitForURL(/\/contests\/hidden$/)
    await page.getByText('You are taking part').waitFor()
    await page.getByRole('link', { name: 'Contests', exact: true }).click()
    const line = page.getByRole('listitem').filter({ hasText: 'Hidden Cup' })
    await line.getByText('You are taking part').waitFor()
    assert.equal(await line.getByText('With a join code').count(), 0)
    await check('contests-joined')
    await close()
  }
})

test('on a phone, the standings scroll inside their own region', async () => {
  // The contest is frozen from its start.
  await contest('frozen', 'Frozen Cup', -HOUR, { freeze_seconds: 2 * HOUR })
  for (const theme of ['light', 'dark']) {
    const { page, check, close, name } = await registered({ theme, width: 360 })
    await page.getByRole('link', { name: 'Contests' }).tap()
    await page.getByRole('link', { name: 'Frozen Cup' }).waitFor()
    await check('contests')
    await page.getByRole('link', { name: 'Frozen Cup' }).tap()
    await page.getByRole('button', { name: 'Take part' }).tap()
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

test('the user\'s row is shown once, wherever the standings are scrolled, and no name is cut', async () => {
  await contest('crowd', 'Crowd Cup', -HOUR, { problems: ['calm-water', 'odometer', 'owl-tree', 'mountain-photo'] })
  const standings = await asAdmin('GET', '/contests/crowd/standings')
  for (const [theme, width] of [['light', 1280], ['dark', 360]]) {
    const { page, check, close, name } = await registered({ theme, width })
    const cell = { tries: 0, pending: 0, first: false }
    const row = (at) => ({ rank: at + 1, username: at === 3 ? name : `${at}-the_team.with-a.very_long-name`, kind: 'official', solved: 0, penalty_minutes: 0, problems: standings.problems.map(() => cell) })
    const rows = Array.from({ length: 60 }, (_, at) => row(at))
    await page.route('**/api/v1/contests/crowd/standings*', (route) => route.fulfill({ json: { ...standings, rows, own: rows[3], pagination: { page: 1, limit: 100, total: rows.length } } }))
    await page.goto(`${server.url}/contests/crowd?view=standings`)
    const region = page.getByRole('region', { name: 'Standings' })
    await region.locator('[data-own=true]').first().waitFor()
    /** Waits until the user's row is in view exactly once. The header may cover a part of it. */
    const isOnce = () =>
      page.waitForFunction(() => {
        const { top, bottom } = document.querySelector('.standings').getBoundingClientRect()
        const seen = [...document.querySelectorAll('.standings [data-own=true]')].map((one) => one.getBoundingClientRect()).filter((one) => one.top >= top + 35 && one.bottom <= bottom + 1)
        return seen.length === 1
      })
    await isOnce()
    const isCut = await region.getByRole('rowheader').evaluateAll((all) => all.filter((one) => [one, ...one.querySelectorAll('*')].some((part) => part.clientWidth > 1 && part.scrollWidth > part.clientWidth + 1)).map((one) => one.innerText))
    assert.deepEqual(isCut, [])
    await check('standings-crowd')
    for (const top of [2000, 100_000, 0]) {
      await region.evaluate((one, top) => (one.scrollTop = top), top)
      await isOnce()
    }
    assert.equal(await region.locator('[data-own=true]').count(), 1, 'at the top, the row is not repeated')
    await close()
  }
})

test('the list of submissions to a problem marks those that count in the contest, and their ages advance', async () => {
  const { page, check, close, name } = await registered()
  const token = people.tokenOf(server, name)
  const send = (code) => people.call(server, token, 'POST', `/problems/${SLUG}/submissions?wait=30`, { language: 'python', source_code: code })
  await send(WRONG)
  await contest('counted', 'Counted Cup', 0)
  await people.call(server, token, 'POST', '/contests/counted/participation', { kind: 'official' })
  await send(RIGHT)
  await page.goto(`${server.url}/problems/${SLUG}?contest=counted`)
  await page.getByRole('tab', { name: 'Submissions' }).click()
  const rows = page.getByRole('list', { name: 'Your submissions' }).getByRole('listitem')
  await rows.getByText('In the contest', { exact: true }).waitFor()
  assert.deepEqual(await rows.evaluateAll((all) => all.map((one) => /^(In|Not in) the contest$/m.exec(one.innerText)?.[0])), ['In the contest', 'Not in the contest'])
  const age = await rows.first().locator('time').innerText()
  await check('contest-submissions')
  await rows.first().locator('time').filter({ hasNotText: age }).waitFor()
  await close()
})

test('the result of a submission from before the contest says that it does not count', async () => {
  const { page, close, name } = await registered({ path: `/problems/${SLUG}` })
  await submit(page, RIGHT)
  await page.locator('[data-verdict=AC]').waitFor()
  await contest('afterwards', 'Cup Afterwards', 0)
  await people.call(server, people.tokenOf(server, name), 'POST', '/contests/afterwards/participation', { kind: 'official' })
  await page.goto(`${server.url}/problems/${SLUG}?contest=afterwards`)
  await page.getByRole('tab', { name: 'Submissions' }).click()
  await page.getByRole('button', { name: /Accepted/ }).click()
  const note = page.getByText('This submission does not count in the contest')
  await note.waitFor()
  await submit(page, RIGHT)
  await note.waitFor({ state: 'hidden' })
  await page.locator('[data-verdict=AC]').waitFor()
  await page.getByRole('link', { name: 'Back to the contest' }).waitFor()
  assert.equal(await note.count(), 0)
  await close()
})

test('a problem says why it is not shown as one of the contest in its address', async () => {
  await contest('elsewhere', 'Elsewhere Cup', -HOUR, { problems: ['mountain-photo'] })
  const { page, check, close } = await registered()
  const open = (slug) => page.goto(`${server.url}/problems/calm-water?contest=${slug}`)
  await open('nope')
  await page.getByText('There is no such contest').waitFor()
  await page.getByText('Easy', { exact: true }).or(page.getByText('Medium', { exact: true })).or(page.getByText('Hard', { exact: true })).first().waitFor()
  await check('contest-unknown')
  await open('elsewhere')
  await page.getByText(/You do not take part in “/).waitFor()
  await check('contest-outside')
  await page.getByRole('link', { name: 'Take part' }).click()
  await page.getByRole('button', { name: 'Take part' }).click()
  await page.getByText('You are taking part', { exact: true }).waitFor()
  await open('elsewhere')
  await page.getByText('This problem is not in the contest.').waitFor()
  await page.getByRole('link', { name: 'Elsewhere Cup' }).waitFor()
  await close()
})

test('the end of a contest is said on the page of a problem, and a virtual participation is shown there', async () => {
  const { page, check, close } = await registered()
  await contest('brief', 'Brief Cup', -HOUR)
  const begun = Date.now()
  await page.goto(`${server.url}/contests/brief`)
  await page.getByRole('button', { name: 'Take part', exact: true }).click()
  await page.getByText('You are taking part', { exact: true }).waitFor()
  await page.getByRole('link', { name: 'Calm Water' }).click()
  await page.getByText(/Ends in/).waitFor()
  // The contest ends soon, but not before the page is loaded again, which takes less time than these two pages took.
  const rest = 5 + 3 * Math.ceil((Date.now() - begun) / 1000)
  const { starts_at } = await asAdmin('GET', '/contests/brief')
  await asAdmin('PATCH', '/contests/brief', { length_seconds: rest + Math.ceil((Date.now() - Date.parse(starts_at)) / 1000) })
  await page.reload()
  await page.getByText(/Ends in/).waitFor()
  await page.getByText('Your time in this contest is over.').waitFor({ timeout: rest * 1000 + PATIENCE_MS })
  await page.getByText('Over', { exact: true }).waitFor()
  await page.getByText('The contest is over: submissions no longer count in it.').waitFor()
  assert.equal(await page.getByRole('link', { name: 'Contests' }).getAttribute('data-status'), 'active')
  await check('contest-ended')
  await page.getByRole('button', { name: 'Close' }).click()
  await page.getByText('Your time in this contest is over.').waitFor({ state: 'hidden' })
  await close()

  const later = await registered()
  await later.page.goto(`${server.url}/contests/brief`)
  await later.page.getByRole('button', { name: 'Take part virtually' }).click()
  await later.page.getByRole('button', { name: 'Start now' }).click()
  await later.page.getByText('You are taking part virtually').waitFor()
  // Another browser of the user shows it as well.
  await later.page.evaluate(() => localStorage.clear())
  await later.page.goto(`${server.url}/problems`)
  await later.page.getByRole('link', { name: 'Calm Water' }).click()
  await later.page.getByRole('link', { name: 'Brief Cup' }).waitFor()
  await later.page.getByText(/Ends in/).waitFor()
  // The page first gets standings that are older than the submission. It requests them again after 1,200 ms (`STANDINGS_OLD_MS`), when the
  // server has new ones. The test delays this request until the server has new ones, and prevents the polling every 3 s
  // (`STANDINGS_POLL_MS`), which would also show them.
  const solved = later.page.getByText(/^solved at 0:\d\d, 1 try/)
  const old = await asAdmin('GET', '/contests/brief/standings')
  let isNew = false
  await later.page.route('**/contests/brief/standings?*', (route) => (isNew ? route.fallback() : route.fulfill({ json: old })))
  await later.page.evaluate(() => {
    const { setTimeout, setInterval } = window
    window.held = []
    window.setTimeout = (act, ms, ...more) => (ms === 1_200 ? window.held.push(act) : setTimeout(act, ms, ...more))
    window.setInterval = (act, ms, ...more) => (ms === 3_000 ? 0 : setInterval(act, ms, ...more))
  })
  await submit(later.page, RIGHT)
  await later.page.locator('[data-verdict=AC]').waitFor()
  await later.page.getByRole('link', { name: 'Brief Cup' }).click()
  await later.page.getByText('You are taking part virtually').waitFor()
  await people.until('new standings', async () => JSON.stringify((await asAdmin('GET', '/contests/brief/standings')).rows) !== JSON.stringify(old.rows))
  await later.page.waitForFunction(() => window.held.length > 0)
  assert.equal(await solved.count(), 0)
  isNew = true
  await later.page.evaluate(() => window.held.forEach((act) => act()))
  await solved.waitFor({ state: 'attached' })
  await later.close()
})

test('the remaining time is that of the server, although the clock of the device is wrong', async () => {
  await contest('clock', 'Clock Cup', -HOUR)
  const student = await registered({ path: '/contests/clock' })
  await student.page.getByRole('button', { name: 'Take part' }).click()
  await student.page.getByText('You are taking part', { exact: true }).waitFor()
  for (const hours of [-30, 30]) {
    await student.page.clock.install({ time: Date.now() + hours * HOUR * 1000 })
    for (const path of ['/contests/clock', '/contests', `/problems/${SLUG}?contest=clock`]) {
      await student.page.goto(`${server.url}${path}`)
      const around = path === '/contests' ? student.page.getByRole('listitem').filter({ hasText: 'Clock Cup' }) : student.page
      const timer = around.getByRole('timer').first()
      await timer.waitFor()
      assert.ok(Math.abs((await student.page.evaluate(() => Date.now())) - Date.now()) > 20 * HOUR * 1000, 'the clock of the device is wrong')
      assert.match(await timer.innerText(), /^(1:00:0\d|0:5\d:\d\d)$/, `${path}, ${hours} h`)
      const before = await timer.innerText()
      await timer.filter({ hasNotText: before }).waitFor()
    }
  }
  await student.close()
})

test('open pages show the new end when the organizer gives more time', async () => {
  await contest('longer', 'Longer Cup', -HOUR)
  const student = await registered({ path: '/contests/longer' })
  await student.page.getByRole('button', { name: 'Take part' }).click()
  await student.page.getByText('You are taking part', { exact: true }).waitFor()
  await student.page.clock.install()
  for (const [hours, path] of [[4, '/contests/longer'], [6, `/problems/${SLUG}?contest=longer`]]) {
    await student.page.goto(`${server.url}${path}`)
    const timer = student.page.getByRole('timer').first()
    await timer.waitFor()
    const before = Number((await timer.innerText()).split(':')[0])
    await asAdmin('PATCH', '/contests/longer', { length_seconds: hours * HOUR })
    await student.page.clock.fastForward('01:10')
    await student.page.waitForFunction((hours) => Number(document.querySelector('[role=timer]').innerText.split(':')[0]) > hours, before)
  }
  await student.close()
})

test('the command palette asks the server for the contests that match, with one request', async () => {
  await contest('palette', 'Palette Cup', -HOUR)
  const { page, close } = await registered()
  const asked = []
  page.on('request', (request) => request.url().includes('/api/v1/contests?') && asked.push(new URL(request.url()).search))
  await page.keyboard.press('Control+k')
  await page.getByRole('combobox', { name: 'Problem, contest or command' }).fill('cup PALETTE')
  await page.getByRole('option', { name: 'Palette Cup' }).waitFor()
  assert.deepEqual(asked, ['?q=cup%20PALETTE&limit=8'])
  await page.keyboard.press('Enter')
  await page.getByRole('heading', { name: 'Palette Cup', level: 1 }).waitFor()
  await close()
})

test('after an accepted submission, a problem leads to an unsolved one of the contest, and the last one to the contest', async () => {
  await contest('in-order', 'Cup in Order', -HOUR, { problems: ['twin-labels', SLUG] })
  await contest('one-day-later', 'Cup of Tomorrow', 24 * HOUR)
  const { page, check, close } = await registered({ path: '/contests/in-order' })
  await page.getByRole('button', { name: 'Take part' }).click()
  await page.getByText('You are taking part').waitFor()
  await page.goto(`${server.url}/problems/${SLUG}?contest=in-order`)
  await submit(page, RIGHT)
  await page.getByRole('link', { name: 'Next problem: A. Twin Labels' }).click()
  await page.waitForURL(/twin-labels\?contest=in-order/)
  await people.until('the solution in the standings', async () => (await asAdmin('GET', '/contests/in-order/standings')).rows[0]?.problems[1].solved_at_seconds != null)
  await submit(page, solution('twin-labels', 'accepted/count.py'))
  await page.getByRole('link', { name: 'Back to the contest' }).waitFor()
  assert.equal(await page.getByText(/^Next problem: /).count(), 0)
  await check('next-in-contest')
  await page.getByRole('link', { name: 'Back to the contest' }).click()
  // The user's result is shown in words.
  await page.getByText(/^solved at 1:\d\d, 1 try, first solution of this problem$/).first().waitFor()
  // A contest that has not begun shows its date beside the remaining time.
  await page.goto(`${server.url}/contests`)
  const line = page.getByRole('listitem').filter({ hasText: 'Cup of Tomorrow' })
  await line.getByText(/20\d\d/).waitFor()
  await line.getByText('Starts in').waitFor()
  await close()
})
