// Questions, answers and announcements of a contest in a browser, against the real server: organizers and participants.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { launch } from './browser.mjs'
import { asAdmin, call, endSessions, HOUR, makeContest, PASSWORD, registered, tokenOf } from './people.mjs'
import { startServer } from './server.mjs'

let server
let browser
before(async () => {
  ;[server, browser] = await Promise.all([startServer(), launch()])
})
after(async () => {
  await browser?.close()
  await server?.stop()
})

/** An author who has made a contest. */
async function organizer(slug, title, options) {
  const visitor = await registered(server, browser, options)
  const token = tokenOf(server, visitor.name)
  const { user_id: id } = await call(server, token, 'GET', '/auth/me')
  // The test sets the role through the server, which then uses the new role at once. The server reads changes by the
  // command line some seconds later.
  await asAdmin(server, 'PATCH', `/admin/users/${id}`, { role: 'author' })
  await makeContest(server, slug, title, -HOUR, {}, token)
  return Object.assign(visitor, { token })
}

async function participant(slug, options) {
  const visitor = await registered(server, browser, options)
  const token = tokenOf(server, visitor.name)
  await call(server, token, 'POST', `/contests/${slug}/participation`, { kind: 'official' })
  const ask = (question) => call(server, token, 'POST', `/contests/${slug}/clarifications`, { question })
  return Object.assign(visitor, { token, ask })
}

const entry = (page, text) => page.getByRole('article').filter({ hasText: text })

test('an organizer answers questions for one participant or for all, and every page shows participants the new answers', async () => {
  const host = await organizer('spring', 'Spring Cup')
  const asker = await participant('spring')
  const other = await participant('spring', { theme: 'dark', width: 360 })
  await asker.ask('First: is N even?')
  await asker.ask('Second: is N odd?')
  // One participant reads the statement, the other the standings.
  await asker.page.goto(`${server.url}/problems/calm-water?contest=spring`)
  await asker.page.getByRole('link', { name: 'Questions', exact: true }).waitFor()
  await other.page.goto(`${server.url}/contests/spring?view=standings`)
  await other.page.getByRole('row', { name: new RegExp(other.name) }).waitFor()

  const { page } = host
  await page.goto(`${server.url}/contests/spring`)
  await page.getByRole('link', { name: 'Questions 2 questions wait for an answer' }).click()
  await page.getByRole('status').filter({ hasText: '2 questions wait for an answer' }).waitFor()
  // The oldest unanswered question is first.
  assert.match(await page.getByRole('article').first().innerText(), /First: is N even\?/)
  await host.check('organizer-questions')
  const first = entry(page, 'First:')
  await first.getByRole('button', { name: `Answer the question from ${asker.name}` }).click()
  const text = first.getByLabel('Your answer')
  assert.equal(await text.evaluate((element) => element === document.activeElement), true, 'the form has the focus')
  assert.equal(await first.getByLabel(`Only ${asker.name}`).isChecked(), true, 'an answer is private unless the organizer decides otherwise')
  await text.fill('Not always.')
  await host.check('organizer-answer')
  await first.getByRole('button', { name: 'Send the answer' }).click()
  await page.getByText('The answer was sent.').waitFor()
  await first.getByText(`visible only to ${asker.name}`).waitFor()
  assert.equal(await first.evaluate((element) => element === document.activeElement), true, 'the focus stays at the entry')
  await page.getByRole('status').filter({ hasText: '1 question waits for an answer' }).waitFor()

  const second = entry(page, 'Second:')
  await second.getByRole('button', { name: `Answer the question from ${asker.name}` }).click()
  await second.getByLabel('Your answer').fill('Sometimes.')
  await second.getByLabel('Everybody').check()
  await second.getByRole('button', { name: 'Send the answer' }).click()
  await second.getByText('visible to everybody').waitFor()
  // The question and the answer each have their own time.
  const { clarifications } = await asAdmin(server, 'GET', '/contests/spring/clarifications')
  const { asked_at: asked, answered_at: answered } = clarifications.find(({ question }) => question.startsWith('Second:'))
  assert.deepEqual(await second.locator('time').evaluateAll((all) => all.map((one) => one.dateTime)), [asked, answered])
  await page.getByRole('status').filter({ hasText: 'No question waits for an answer' }).waitFor()

  // The pages of both participants announce it without a reload.
  await Promise.all([
    asker.page.getByRole('status').filter({ hasText: '2 new announcements or answers' }).waitFor(),
    other.page.getByRole('status').filter({ hasText: '1 new announcement or answer' }).waitFor(),
  ])
  await asker.check('problem-news')
  await other.check('contest-news')
  await page.getByLabel('About').selectOption({ label: 'A. Calm Water' })
  await page.getByLabel('Text of the announcement').fill('Sample 2 was wrong.')
  await page.getByRole('button', { name: 'Publish' }).click()
  await page.getByText('The announcement was published.').waitFor()
  await entry(page, 'Sample 2 was wrong.').getByText('Problem A').waitFor()
  // It is not new for its author.
  await page.getByRole('link', { name: 'Problems' }).last().click()
  await page.getByRole('link', { name: 'Questions', exact: true }).waitFor()
  await other.page.getByRole('status').filter({ hasText: '2 new announcements or answers' }).waitFor()
  await other.page.getByRole('link', { name: /^Questions/ }).tap()
  await other.page.getByText('Sometimes.').waitFor()
  assert.equal(await other.page.getByText('Not always.').count(), 0, 'an answer to one person')
  assert.equal(await other.page.getByRole('article').getByText('New', { exact: true }).count(), 2)
  await other.check('contest-questions-new')
  await other.page.getByRole('link', { name: 'Standings' }).tap()
  await other.page.getByRole('link', { name: 'Questions', exact: true }).waitFor()

  // A changed text counts as new again, and the read entries stay read after a reload.
  await page.getByRole('link', { name: 'Questions', exact: true }).click()
  await entry(page, 'Sample 2 was wrong.').getByRole('button', { name: 'Change the text' }).click()
  await page.getByRole('article').getByLabel('Text of the announcement').fill('Sample 3 was wrong.')
  await page.getByRole('button', { name: 'Save the change' }).click()
  await page.getByText('The change was saved.').waitFor()
  await other.page.reload()
  await other.page.getByRole('link', { name: 'Questions 1 new announcement or answer' }).waitFor()

  await asker.page.getByRole('link', { name: 'Questions 3 new announcements or answers' }).click()
  await asker.page.getByText('Not always.').waitFor()
  await asker.page.goBack()
  await asker.page.getByRole('link', { name: 'Questions', exact: true }).waitFor()
  for (const one of [host, asker, other]) await one.close()
})

test('after the end, an open page of an organizer shows new questions, and one of a participant the last answers', async () => {
  const host = await organizer('late', 'Late Cup')
  const asker = await participant('late')
  await asker.ask('Last: is N even?')
  await call(server, host.token, 'PATCH', '/contests/late', { length_seconds: HOUR - 10 })
  for (const { page } of [host, asker]) await page.clock.install()
  const { page } = host
  await page.goto(`${server.url}/contests/late?view=clarifications`)
  await page.getByRole('status').filter({ hasText: '1 question waits for an answer' }).waitFor()
  await page.getByText('Over', { exact: true }).waitFor()
  await asker.page.goto(`${server.url}/contests/late`)
  await asker.page.getByText('Over', { exact: true }).waitFor()
  // Somebody takes part virtually.
  const other = await registered(server, browser)
  const token = tokenOf(server, other.name)
  await call(server, token, 'POST', '/contests/late/participation', { kind: 'virtual' })
  await call(server, token, 'POST', '/contests/late/clarifications', { question: 'Virtual: is N odd?' })
  await page.clock.fastForward('00:31')
  await page.getByRole('status').filter({ hasText: '2 questions wait for an answer' }).waitFor()
  const { clarifications } = await asAdmin(server, 'GET', '/contests/late/clarifications')
  const { clarification_id: last } = clarifications.find(({ question }) => question.startsWith('Last:'))
  await call(server, host.token, 'PATCH', `/contests/late/clarifications/${last}`, { answer: 'Never.', public: false })
  await asker.page.clock.fastForward('00:31')
  await asker.page.getByRole('status').filter({ hasText: '1 new announcement or answer' }).waitFor()
  for (const one of [host, asker, other]) await one.close()
})

test('a text whose page is left while it is sent is sent once, and no form has it afterwards', async () => {
  const host = await organizer('slow', 'Slow Cup')
  const asker = await participant('slow', { path: '/problems' })
  await asker.page.goto(`${server.url}/contests/slow?view=clarifications`)
  await host.page.goto(`${server.url}/contests/slow?view=clarifications`)
  /** Sends with the button, leaves the questions and returns while the server has not answered, and lets the server answer. `field`: that of the text. */
  const leaveWhileSending = async (page, button, field, answer = (route) => route.continue()) => {
    let release
    const held = new Promise((resolve) => (release = resolve))
    const handler = async (route) => {
      if (route.request().method() === 'GET') return route.fallback()
      await held
      return answer(route)
    }
    await page.route('**/contests/slow/**', handler)
    await button.click()
    for (const view of ['Standings', 'Questions']) await page.getByRole('link', { name: new RegExp(`^${view}`) }).click()
    await page.locator('textarea[readonly]').waitFor()
    assert.equal(await button.isEnabled(), false)
    assert.notEqual(await field.inputValue(), '')
    release()
    return { end: () => page.unroute('**/contests/slow/**', handler) }
  }
  const question = asker.page.getByLabel('Question', { exact: true })
  const send = asker.page.getByRole('button', { name: 'Send', exact: true })
  await question.fill('Is it late?')
  // The error of a request that fails meanwhile is shown.
  const lost = await leaveWhileSending(asker.page, send, question, (route) => route.abort())
  await asker.page.getByRole('alert').filter({ hasText: 'The server cannot be reached' }).waitFor()
  assert.equal(await question.inputValue(), 'Is it late?')
  await lost.end()
  await leaveWhileSending(asker.page, send, question)
  await asker.page.getByText('Your question was sent').waitFor()
  assert.equal(await question.inputValue(), '')

  const form = entry(host.page, 'Is it late?')
  await form.getByRole('button', { name: /^Answer the question/ }).click()
  await form.getByLabel('Your answer').fill('Not yet.')
  await leaveWhileSending(host.page, form.getByRole('button', { name: 'Send the answer' }), form.getByLabel('Your answer'))
  await host.page.getByText('The answer was sent.').waitFor()
  await form.getByLabel('Your answer').waitFor({ state: 'detached' })
  const { clarifications } = await asAdmin(server, 'GET', '/contests/slow/clarifications')
  assert.deepEqual(clarifications.map(({ question, answer }) => [question, answer]), [['Is it late?', 'Not yet.']])
  asker.faults.splice(0, asker.faults.length, ...asker.faults.filter((fault) => !/ERR_FAILED/.test(fault)))
  await host.close()
  await asker.close()
})

test('an organizer\'s unsent text survives new questions, another organizer\'s answer, a change of page and a reload', async () => {
  const host = await organizer('summer', 'Summer Cup', { theme: 'dark', width: 360 })
  const asker = await participant('summer')
  await asker.ask('May N be 0?')
  const { page } = host
  await page.goto(`${server.url}/contests/summer?view=clarifications`)
  const form = entry(page, 'May N be 0?')
  await form.getByRole('button', { name: /^Answer the question/ }).tap()
  await form.getByLabel('Your answer').fill('It may')
  await form.getByLabel('Everybody').check()
  await page.getByLabel('Text of the announcement').fill('Lunch is at')
  await page.getByLabel('About').first().selectOption({ index: 1 })
  await asker.ask('May N be 1?')
  await entry(page, 'May N be 1?').waitFor()
  assert.equal(await form.getByLabel('Your answer').inputValue(), 'It may')
  const { clarifications } = await asAdmin(server, 'GET', '/contests/summer/clarifications')
  const { clarification_id: id } = clarifications.find(({ question }) => question === 'May N be 0?')
  await asAdmin(server, 'PATCH', `/contests/summer/clarifications/${id}`, { answer: 'Never.', public: false })
  await page.getByText('This was answered or changed while you were writing.').waitFor()
  assert.equal(await form.getByLabel('Your answer').inputValue(), 'It may')
  await host.check('organizer-conflict')
  await page.getByRole('link', { name: 'Problems' }).last().tap()
  await page.getByRole('link', { name: 'Calm Water' }).waitFor()
  await page.reload()
  await page.getByRole('link', { name: /^Questions/ }).tap()
  assert.equal(await form.getByLabel('Your answer').inputValue(), 'It may')
  assert.equal(await page.getByLabel('Text of the announcement').first().inputValue(), 'Lunch is at')
  // The audience and the subject are kept, too, and the page knows that the text was written before the other answer.
  assert.equal(await form.getByLabel('Everybody').isChecked(), true)
  assert.equal(await page.getByLabel('About').first().evaluate(({ selectedIndex }) => selectedIndex), 1)
  await page.getByText('This was answered or changed while you were writing.').waitFor()
  await form.getByRole('button', { name: 'Cancel' }).tap()
  await form.getByRole('button', { name: 'Change the answer' }).waitFor()
  await host.close()
  await asker.close()
})

test('Cancel returns the keyboard to the button of the form, and the button above a long list leads to the form', async () => {
  const host = await organizer('keyed', 'Keyed Cup')
  const asker = await participant('keyed', { width: 360 })
  for (const question of ['Is it 1?', 'Is it 2?', 'Is it 3?']) await asker.ask(question)
  await host.page.goto(`${server.url}/contests/keyed?view=clarifications`)
  const one = entry(host.page, 'Is it 2?')
  const answer = one.getByRole('button', { name: /^Answer the question/ })
  await answer.press('Enter')
  await one.getByRole('button', { name: 'Cancel' }).press('Enter')
  await answer.and(host.page.locator(':focus')).waitFor()
  await asker.page.goto(`${server.url}/contests/keyed?view=clarifications`)
  await asker.page.getByRole('button', { name: 'Ask the organizers' }).press('Enter')
  await asker.page.getByLabel('About').and(asker.page.locator(':focus')).waitFor()
  await host.close()
  await asker.close()
})

test('if an answer is refused, the error is shown beside its form, and the text stays', async () => {
  const host = await organizer('winter', 'Winter Cup')
  const asker = await participant('winter')
  await asker.ask('Is it cold?')
  const { page } = host
  await page.goto(`${server.url}/contests/winter?view=clarifications`)
  const form = entry(page, 'Is it cold?')
  await form.getByRole('button', { name: /^Answer the question/ }).click()
  await form.getByLabel('Your answer').fill('Yes.')
  await endSessions(server, host.name)
  await form.getByRole('button', { name: 'Send the answer' }).click()
  // The notice of the ended session is in front of the form.
  await page.getByRole('status').filter({ hasText: 'Your session has ended' }).getByRole('button', { name: 'Close' }).click()
  await form.getByRole('alert').getByRole('link', { name: 'Sign in' }).click()
  await page.getByLabel('User name or e-mail address').fill(host.name)
  await page.getByLabel('Password').fill(PASSWORD)
  await page.getByRole('button', { name: 'Sign in' }).click()
  assert.equal(await form.getByLabel('Your answer').inputValue(), 'Yes.')
  await form.getByRole('button', { name: 'Send the answer' }).click()
  await form.getByText(`visible only to ${asker.name}`).waitFor()
  await host.close()
  await asker.close()
})

test('a list with more than a hundred entries is shown in parts, and an old unanswered question stays visible', async () => {
  const host = await organizer('autumn', 'Autumn Cup')
  const asker = await participant('autumn')
  await asker.ask('Does anybody see this?')
  for (let n = 1; n <= 120; n += 1) await call(server, host.token, 'POST', '/contests/autumn/announcements', { text: `Announcement number ${n}.` })
  await host.page.goto(`${server.url}/contests/autumn?view=clarifications`)
  // The question is the oldest of 121 entries.
  await host.page.getByRole('status').filter({ hasText: '1 question waits for an answer' }).waitFor()
  assert.match(await host.page.getByRole('article').first().innerText(), /Does anybody see this\?/)

  const { page } = asker
  await page.goto(`${server.url}/contests/autumn?view=clarifications`)
  await page.getByText('Announcement number 120.').waitFor()
  assert.equal(await page.getByRole('article').count(), 100)
  const older = await page.getByRole('button', { name: 'Show older entries' }).elementHandle()
  const end = await older.evaluateHandle((button) => button.parentElement)
  await older.press('Enter')
  await page.getByText('Does anybody see this?').waitFor()
  // The button is gone, and the focus stays at the end of the list.
  await page.waitForFunction((end) => document.activeElement === end, end)
  assert.equal(await page.getByRole('article').count(), 121)
  assert.equal(await page.getByRole('button', { name: 'Show older entries' }).count(), 0)
  await host.close()
  await asker.close()
})

test('after the end, only an organizer lifts the freeze, and confirms it', async () => {
  const host = await organizer('frost', 'Frost Cup', { width: 360, theme: 'dark' })
  const other = await registered(server, browser)
  const token = tokenOf(server, other.name)
  // The contest of `organizer` runs. This one is almost over, after the participant has joined it.
  await makeContest(server, 'ice', 'Ice Cup', -HOUR, { freeze_seconds: 2 * HOUR }, host.token)
  await call(server, token, 'POST', '/contests/ice/participation', { kind: 'official' })
  await call(server, host.token, 'PATCH', '/contests/ice', { length_seconds: HOUR + 15, freeze_seconds: HOUR + 15 })
  await other.page.goto(`${server.url}/contests/ice?view=standings`)
  await other.page.getByText('Over', { exact: true }).waitFor()
  await other.page.getByText('The standings are frozen.').waitFor()
  const { page } = host
  await page.goto(`${server.url}/contests/frost`)
  await page.getByRole('link', { name: 'Calm Water' }).waitFor()
  assert.equal(await page.getByRole('button', { name: 'Unfreeze standings' }).count(), 0)
  await page.goto(`${server.url}/contests/ice`)
  await page.getByRole('button', { name: 'Unfreeze standings' }).click()
  await page.getByText('Everybody will see the results').waitFor()
  // Escape and Cancel return the focus to the button.
  const isAsked = () => page.evaluate(() => document.activeElement.textContent)
  await page.keyboard.press('Escape')
  assert.equal(await isAsked(), 'Unfreeze standings')
  await page.keyboard.press('Enter')
  await page.getByText('Everybody will see the results').waitFor()
  await page.getByRole('button', { name: 'Keep the freeze' }).click()
  assert.equal(await isAsked(), 'Unfreeze standings')
  await page.getByRole('button', { name: 'Unfreeze standings' }).click()
  await host.check('organizer-unfreeze')
  assert.equal((await asAdmin(server, 'GET', '/contests/ice')).unfrozen, false)
  // The answer is held back until the page has loaded the contest again, as after an event of the server.
  await page.route('**/api/v1/contests/ice', async (route) => {
    if (route.request().method() !== 'PATCH') return route.continue()
    const response = await route.fetch()
    await page.getByText('Everybody will see the results').waitFor({ state: 'detached' })
    await route.fulfill({ response })
  })
  const answered = page.waitForResponse((answer) => answer.url().endsWith('/contests/ice') && answer.request().method() === 'PATCH')
  await page.getByRole('button', { name: 'Unfreeze now' }).click()
  await page.getByText('The standings are no longer frozen.').waitFor()
  await page.waitForFunction(() => document.activeElement.textContent === 'The standings are no longer frozen.')
  await answered
  await page.getByText('The standings are no longer frozen.').waitFor()
  assert.equal((await asAdmin(server, 'GET', '/contests/ice')).unfrozen, true)
  assert.equal(await other.page.getByRole('button', { name: 'Unfreeze standings' }).count(), 0)
  // The other page has been open since before, and shows it without a reload.
  await other.page.getByText('The standings are frozen.').waitFor({ state: 'detached' })
  // The answer that is held back waits for the page, which must not be closed before.
  await page.unrouteAll({ behavior: 'wait' })
  await host.close()
  await other.close()
})

test('during a freeze, an organizer sees all results on request, and contestants do not', async () => {
  const host = await organizer('snow', 'Snow Cup')
  const { page, token } = host
  await makeContest(server, 'hail', 'Hail Cup', -HOUR, { freeze_seconds: 2 * HOUR, public: false }, token)
  const { join_code: code } = await call(server, token, 'GET', '/contests/hail')
  await page.goto(`${server.url}/contests/hail`)
  await page.getByText(code, { exact: true }).waitFor()
  await page.getByRole('button', { name: 'Copy Join code' }).waitFor()
  await host.check('organizer-join-code')

  const names = []
  for (const options of [{}, { theme: 'dark', width: 360 }]) {
    const one = await registered(server, browser, options)
    const key = tokenOf(server, one.name)
    await call(server, key, 'POST', '/contests/hail/participation', { kind: 'official', join_code: code })
    await call(server, key, 'POST', '/problems/calm-water/submissions?wait=30', { language: 'python', source_code: 'print(0)' })
    names.push({ ...one, row: (shown) => shown.getByRole('row', { name: new RegExp(one.name) }) })
  }
  const [first, second] = names
  const hidden = /1 try without a visible result/
  await page.getByRole('link', { name: 'Standings' }).click()
  for (const { row } of names) await row(page).getByText(hidden).waitFor()
  await host.check('organizer-frozen')
  const button = page.getByRole('button', { name: 'Show me all results' })
  await button.focus()
  await page.keyboard.press('Enter')
  for (const { row } of names) await row(page).getByText('not solved, 1 try').waitFor()
  await page.getByText('Only organizers see these standings.').waitFor()
  assert.equal(await page.evaluate(() => document.activeElement.textContent), 'Show what contestants see')
  assert.match(await page.getByRole('link', { name: /CSV/ }).first().getAttribute('href'), /unfrozen=true/)
  await host.check('organizer-all-results')
  await page.keyboard.press('Enter')
  for (const { row } of names) await row(page).getByText(hidden).waitFor()
  assert.doesNotMatch(await page.getByRole('link', { name: /CSV/ }).first().getAttribute('href'), /unfrozen/)

  // A contestant sees the own result, and not that of the other.
  await second.page.goto(`${server.url}/contests/hail?view=standings`)
  await second.row(second.page).getByText('not solved, 1 try').waitFor()
  await first.row(second.page).getByText(hidden).waitFor()
  assert.equal(await second.page.getByRole('button', { name: 'Show me all results' }).count(), 0)
  assert.equal(await second.page.getByText(code).count(), 0)
  for (const one of [host, first, second]) await one.close()
})
