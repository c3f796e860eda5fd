// Parts of a submission's result besides the verdict: the texts of tests that the user may see, and the comparison with
// other users' solutions.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, before, test } from 'node:test'
import { chooseLanguage, launch, visit } from './browser.mjs'
import { enterFirst, PASSWORD, write } from './people.mjs'
import * as people from './people.mjs'
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

async function submit(page, code, slug = SLUG, language = 'python') {
  await page.goto(`${server.url}/problems/${slug}`)
  if ((page.viewportSize()?.width ?? 0) < 900) await page.getByRole('tab', { name: 'Code' }).click()
  await chooseLanguage(page, language)
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
  await enterFirst(page, server)
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
  await signIn(other.page, 'contestant')
  await submit(other.page, wrong)
  await verdict(other.page, 'WA')
  await other.page.getByText(/^Wrong answer on test \d+$/).waitFor()
  assert.equal(await other.page.getByLabel('Expected output', { exact: true }).count(), 0)
  assert.equal(await other.page.getByRole('button', { name: /^Open in the playground Test/ }).count(), 0)
  await other.close()
})

test('while a first submission is judged, the page says of how many tests, and a result with groups shows the points of each', async () => {
  await registered('scorer')
  for (const [theme, width] of [['light', 1280], ['dark', 360]]) {
    const { page, check, close } = await visit(browser, { theme, width })
    await signIn(page, 'scorer')
    const partial = readFileSync(new URL('../../problems/rising-tide/submissions/partially_accepted/remembers.py', import.meta.url), 'utf8')
    await submit(page, `import time\ntime.sleep(0.2)\n${partial}`, 'rising-tide')
    const running = page.getByText(/^Running test \d+/)
    await running.waitFor()
    const [, total] = /^Running test \d+ of (\d+)$/.exec(await running.innerText()) ?? assert.fail(await running.innerText())
    await check('judging')
    await page.locator('[data-verdict]').filter({ hasText: /Score/ }).waitFor()
    const { tests_total: all } = await (await page.request.get(`${server.url}/api/v1/problems/rising-tide`)).json()
    assert.equal(Number(total), all)
    const groups = page.getByRole('list', { name: 'Groups of tests' }).getByRole('listitem')
    const shown = (await groups.allInnerTexts()).map((text) => text.replace(/\s+/g, ' ').trim())
    assert.ok(shown.some((text) => /^Accepted short 25 \/ 25$/.test(text)), shown.join('; '))
    assert.ok(shown.some((text) => /^Time limit exceeded full 0 \/ 45$/.test(text)), shown.join('; '))
    await check('result-groups')
    await close()
  }
})

test('an earlier submission has a URL, which shows when and in which language it was sent, and its source', async () => {
  await registered('returner')
  const { page, check, close } = await visit(browser)
  await signIn(page, 'returner')
  const wrong = RIGHT.replace('begin + 1', 'begin + 7')
  await submit(page, wrong)
  await verdict(page, 'WA')
  // The message does not repeat what the heading says.
  await page.getByText(/^Word 2, line 1 of the output: expected/).waitFor()
  assert.equal(await page.getByText(/test 1 of \d+/).count(), 0)
  await submit(page, RIGHT)
  await verdict(page, 'AC')
  await page.getByRole('tab', { name: 'Samples' }).click()
  await page.getByRole('tab', { name: 'Submissions' }).click()
  await page.getByRole('button', { name: 'Wrong answer', exact: true }).click()
  await page.waitForURL(/\?submission=[0-9a-f-]{36}&view=submissions$/)
  const id = new URL(page.url()).searchParams.get('submission')
  const about = page.getByRole('region', { name: 'Submitted code' })
  await about.waitFor()
  // The heading has the time and the language, and no id.
  const heading = page.locator('[data-verdict]')
  await heading.getByText(/Python 3/).waitFor()
  await heading.getByRole('time').waitFor()
  assert.equal(await page.getByText(id).count(), 0)
  await about.locator('summary').click()
  await about.getByLabel('Source code').getByText('begin + 7').waitFor()
  await check('earlier-submission')
  await about.getByRole('button', { name: 'Copy' }).click()
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), wrong)
  // The browser's button Back shows the last result again.
  await page.goBack()
  await verdict(page, 'AC')
  assert.equal(await about.count(), 0)
  await page.goForward()
  await about.waitFor()
  // The editor keeps its code. The URL alone also opens the submission.
  await page.getByRole('textbox', { name: /Source code/ }).getByText('begin + 1').waitFor()
  await page.goto(`${server.url}/problems/${SLUG}?submission=${id}`)
  await about.waitFor()
  await page.goto(`${server.url}/problems/odometer?submission=${id}`)
  await page.waitForURL(new RegExp(`/${SLUG}\\?submission=${id}`))
  await about.waitFor()
  // A new run takes its place.
  await page.getByRole('button', { name: 'Run', exact: true }).click()
  await page.getByText('on the samples').waitFor()
  await page.waitForURL(new RegExp(`/${SLUG}$`))
  assert.equal(await about.count(), 0)

  // The account lists the submissions to all problems.
  await page.getByRole('button', { name: /^Account/ }).click()
  await page.getByRole('menuitem', { name: 'Your submissions' }).click()
  const own = page.getByRole('region', { name: 'Your submissions' })
  await own.getByRole('link', { name: 'Calm Water' }).nth(1).waitFor()
  assert.deepEqual(await own.getByRole('link').allInnerTexts(), ['Calm Water', 'Calm Water'])
  await check('own-submissions')
  await own.getByRole('link').last().click()
  await about.waitFor()
  await close()
})

test('if a problem has more submissions than its tab shows, the tab says so and leads to all of them', async () => {
  await registered('prolific')
  const { page, check, close } = await visit(browser)
  await signIn(page, 'prolific')
  let total = 1
  await page.route(`**/problems/${SLUG}/submissions?*`, async (route) => {
    const response = await route.fetch()
    const json = await response.json()
    await route.fulfill({ response, json: { ...json, pagination: { ...json.pagination, total } } })
  })
  await submit(page, RIGHT)
  await verdict(page, 'AC')
  await page.getByRole('tab', { name: 'Submissions' }).click()
  const all = page.getByRole('link', { name: 'All your submissions' })
  await page.getByRole('list', { name: 'Your submissions' }).getByText('Accepted').waitFor()
  assert.equal(await all.count(), 0)
  total = 21
  await page.reload()
  await page.getByText('These are the newest 1 of 21.').waitFor()
  await check('submissions-more')
  await all.click()
  await page.waitForURL(/\/account\?view=submissions$/)
  await page.getByRole('region', { name: 'Your submissions' }).waitFor()
  await close()
})

test('a test with a conversation shows the conversation and not the answer file', async () => {
  await registered('talker')
  const { page, check, close } = await visit(browser)
  await signIn(page, 'talker')
  await submit(page, 'print("! 1", flush=True)\nprint(input())\n', 'cracking-point')
  await verdict(page, 'WA')
  const shown = page.getByRole('region', { name: 'Test 1' })
  await shown.getByLabel('Conversation').getByText('! 1').waitFor()
  await check('conversation')
  for (const name of ['Expected output', 'Your output', 'Input']) assert.equal(await shown.getByLabel(name).count(), 0, name)
  assert.equal(await shown.getByRole('table').count(), 0)
  await close()
})

test('an interactive problem names the interactor\'s input, and says that the interactor decides', async () => {
  await registered('prober')
  const { page, check, close } = await visit(browser)
  await signIn(page, 'prober')
  await page.goto(`${server.url}/problems/cracking-point`)
  await page.getByLabel('Sample 1, Input of the interactor').waitFor()
  for (const name of ['Sample 1, Output', 'Sample 1, Input']) assert.equal(await page.getByLabel(name, { exact: true }).count(), 0, name)
  assert.equal(await page.getByRole('button', { name: 'Open in the playground' }).count(), 0)
  await submit(page, 'print("! 1", flush=True)\n', 'cracking-point')
  await verdict(page, 'WA')
  await page.locator('[data-verdict]').getByText(/^\d+ ms$/).waitFor()
  await page.getByRole('tab', { name: 'Custom input' }).click()
  await page.getByText('plays the other side and decides').waitFor()
  await check('interactor-input')
  await page.getByLabel('Input for the interactor').fill('1\n')
  await page.getByRole('button', { name: 'Run', exact: true }).click()
  await page.getByText('Accepted on your input').waitFor()
  await submit(page, 'input()\n', 'cracking-point')
  await verdict(page, 'ILE')
  await page.getByText('Usually it did not flush its output').waitFor()
  await close()
})

test('a program that does not compile has no time and memory; on a phone, sentences of its messages wrap, quoted source does not, and differences are stacked', async () => {
  await registered('compiler')
  const { page, check, close } = await visit(browser, { width: 360 })
  await signIn(page, 'compiler')
  await submit(page, 'int main(void) { return a_name_that_is_rather_long + another_name_that_is_even_longer; }', SLUG, 'c')
  await verdict(page, 'CE')
  const messages = page.getByLabel('Compiler messages')
  await messages.getByText('undeclared').first().waitFor()
  const { room, lines } = await messages.evaluate((element) => {
    const widths = [...element.children].map((line) => [line.textContent, line.scrollWidth])
    return { room: element.clientWidth, lines: widths }
  })
  // The marks below quoted source point to the right places, and the box scrolls sideways.
  for (const [text, width] of lines) {
    if (/undeclared/.test(text)) assert.ok(width <= room, `${text} is ${width} px wide, and the box ${room} px`)
    if (/int main/.test(text)) assert.ok(width > room, `${text} wraps`)
  }
  assert.ok(lines.some(([text]) => /int main/.test(text)), 'the messages quote the source')
  assert.equal(await page.getByText('0 ms').count(), 0)
  await check('compilation-error')
  await submit(page, `${RIGHT.replace('begin + 1', 'begin + 7')}\nprint('more')\n`)
  await verdict(page, 'WA')
  const cells = page.locator('tr[data-same="false"]').first().locator('td')
  const [ours, expected] = await Promise.all([cells.nth(1).boundingBox(), cells.nth(2).boundingBox()])
  assert.ok(expected.y >= ours.y + ours.height && expected.x === ours.x, `${JSON.stringify(ours)} ${JSON.stringify(expected)}`)
  // A line that is not expected has no second row.
  const more = await page.locator('tr[data-line="2"]').boundingBox()
  assert.ok(more.height < 2 * ours.height, `${more.height} px`)
  await page.getByRole('tab', { name: 'Submissions' }).click()
  const line = page.getByRole('list', { name: 'Your submissions' }).getByRole('listitem').filter({ hasText: 'Compilation error' })
  await line.waitFor()
  assert.doesNotMatch(await line.innerText(), /ms|iB/)
  await check('submissions-of-a-phone')
  await close()
})

test('an accepted solution is compared with other users\' solutions once ten users have an accepted solution', async () => {
  for (let n = 1; n < 10; n += 1) {
    const token = await registered(`solver-${n}`)
    // Programs that differ in time and memory: equal figures would have no histogram.
    const more = `for _ in range(${(n % 3) * 400_000}):\n    pass\nballast = b'.' * (${n} << 20)\n`
    let judged = await call(`/problems/${SLUG}/submissions?wait=30`, { language: 'python', source_code: more + RIGHT }, token)
    // The server answers after half a minute, also if the judge is not done.
    for (let left = 10; left > 0 && judged.verdict == null; left -= 1) {
      judged = await people.call(server, token, 'GET', `/submissions/${judged.submission_id}?wait=30`)
    }
    assert.equal(judged.verdict, 'AC', JSON.stringify(judged))
    if (n > 1) continue
    // With a single user, there is no comparison.
    const first = await visit(browser)
    await signIn(first.page, 'solver-1')
    await submit(first.page, RIGHT)
    await verdict(first.page, 'AC')
    await first.page.getByText('The comparison appears when ten users have solved this problem in Python 3.11.').waitFor()
    await first.close()
  }
  for (const [theme, width] of [['light', 1280], ['dark', 360]]) {
    await registered(`viewer-${width}`)
    const { page, check, close } = await visit(browser, { theme, width })
    await signIn(page, `viewer-${width}`)
    await submit(page, RIGHT)
    await verdict(page, 'AC')
    await page.getByRole('heading', { name: 'Compared with other solutions' }).scrollIntoViewIfNeeded()
    // Nine solvers, up to two viewers, and two users of earlier tests in this file.
    await page.getByRole('img', { name: /^Time of 1[0-3] users, from \d+ ms to/ }).waitFor()
    await page.getByRole('img', { name: /^Memory of 1[0-3] users, from \d+ MiB to/ }).waitFor()
    await page.getByText(/^You: \d+ MiB$/).waitFor()
    await check('compared')
    await close()
  }
})

// Last in this file: the accepted submissions of these tests would be more in the comparison above.
test('a line of an earlier submission leads to its own source, and a verdict on code in another language names its language', async () => {
  await registered('liner')
  const { page, check, close } = await visit(browser)
  await signIn(page, 'liner')
  await submit(page, 'numbers = []\n\nprint(numbers[0])\n')
  await verdict(page, 'RTE')
  await submit(page, RIGHT)
  await verdict(page, 'AC')
  await page.getByRole('tab', { name: 'Submissions' }).click()
  await page.getByRole('button', { name: 'Runtime error', exact: true }).click()
  const about = page.getByRole('region', { name: 'Submitted code' })
  await about.waitFor()
  await page.getByRole('button', { name: /line 3/ }).first().click()
  const line = about.locator('mark')
  await line.waitFor()
  assert.equal(await line.innerText(), 'print(numbers[0])')
  assert.ok(await line.evaluate((element) => element === document.activeElement))
  await check('earlier-submission-line')
  // The verdict of before is on code in Python.
  await page.goBack()
  await verdict(page, 'AC')
  const heading = page.locator('[data-verdict]')
  assert.equal(await heading.getByText(/Python 3/).count(), 0)
  await chooseLanguage(page, 'c')
  await heading.getByText(/Python 3/).waitFor()
  await close()
})

test('the last run of a tab is shown again after Back and after a reload, and it is followed if it was left during judging', async () => {
  await registered('leaver')
  const { page, check, close } = await visit(browser)
  await signIn(page, 'leaver')
  const leave = async () => {
    await page.getByRole('link', { name: 'Contests', exact: true }).click()
    await page.getByRole('heading', { name: 'Contests', exact: true }).waitFor()
  }
  // The page is left and opened again during judging, so that the 20 tests together take five times as long as this takes now. In each
  // test, a program may wait for six seconds.
  const ready = () => page.getByRole('textbox', { name: /Source code/ }).waitFor()
  await page.goto(`${server.url}/problems/${SLUG}`)
  await ready()
  const began = Date.now()
  await leave()
  await page.goBack()
  await ready()
  const pause = Math.min(5, Math.max(0.5, (Date.now() - began) / 4_000))
  await submit(page, `import time\ntime.sleep(${pause})\n${RIGHT}`)
  await page.getByText(/^Running test/).first().waitFor()
  await leave()
  await page.goBack()
  await page.getByText(/^Running test/).first().waitFor()
  await verdict(page, 'AC')
  await leave()
  await page.goBack()
  await verdict(page, 'AC')
  await page.reload()
  await verdict(page, 'AC')
  const heading = page.locator('[data-verdict]')
  await heading.getByText('Submitted', { exact: true }).waitFor()
  await heading.getByRole('time').waitFor()
  // The verdict of other code says so.
  const isOther = heading.getByText('The code in the editor is different.')
  assert.equal(await isOther.count(), 0)
  await page.getByRole('textbox', { name: /Source code/ }).click()
  await page.keyboard.press('Control+End')
  await page.keyboard.insertText('# later\n')
  await isOther.waitFor()
  await check('verdict-again')
  // A run takes the place of the submission.
  await page.getByRole('button', { name: 'Run', exact: true }).click()
  await page.getByText('on the samples').waitFor()
  await leave()
  await page.goBack()
  await page.getByText('on the samples').waitFor()
  // Another problem has no result.
  await page.goto(`${server.url}/problems/odometer`)
  await page.getByText('Run your code on the samples, or submit it').waitFor()
  await close()
})

test('the comparison with a long sample says what it leaves out', async () => {
  const lines = Array.from({ length: 3000 }, (_, at) => `line ${at} ${'.'.repeat(30)}`)
  const text = `${lines.join('\n')}\n`
  const files = { 'problem.toml': 'title = "Long Lines"\nslug = "long-lines"\n[limits]\ntime = 5\n', 'statement.md': 'Print the lines.\n', 'tests/sample/1.in': '1\n', 'tests/sample/1.out': text, 'tests/secret/1.in': '1\n', 'tests/secret/1.out': text }
  await people.putProblem(server, 'long-lines', files)
  await people.makeContest(server, 'long', 'Long Cup', -people.HOUR, { problems: ['long-lines'] })
  const token = await registered('reader')
  await people.call(server, token, 'POST', '/contests/long/participation', { kind: 'official' })
  for (const [theme, width] of [['light', 1280], ['dark', 360]]) {
    const { page, check, close } = await visit(browser, { theme, width })
    await signIn(page, 'reader')
    await submit(page, 'for n in range(3000):\n    print("line", n + (n == 7), "." * 30)\n', 'long-lines')
    await verdict(page, 'WA')
    await page.getByText('The sample was cut off, so the comparison may be incomplete.').waitFor()
    await page.getByText(/^.*[\d,]+ more lines are not shown\./).waitFor()
    await page.locator('tr[data-same=false][data-line="8"]').waitFor()
    assert.equal(await page.locator('tr[data-line]').count(), 500)
    await check('diff-truncated')
    await close()
  }
})

test('the next step is offered: own input after a hidden test, the replaced code after an earlier submission was loaded', async () => {
  await registered('next')
  const { page, check, close } = await visit(browser)
  await signIn(page, 'next')
  // Right on the samples, wrong on a hidden test.
  await submit(page, RIGHT.replace('longest, begin = now', 'longest, begin = min(7, now)').replace('print(longest', 'print(min(longest, 50)'))
  await page.getByText(/^Wrong answer on test \d+$/).waitFor()
  await page.getByText('This is a hidden test').waitFor()
  await check('hidden-test')
  await page.getByRole('button', { name: 'Custom input', exact: true }).click()
  await page.getByRole('textbox', { name: 'Input for your program' }).fill('1 0\n5\n')
  await page.getByRole('button', { name: 'Run', exact: true }).click()
  await page.getByText('Program ended').waitFor()
  // The result shows the input, also after a reload.
  await page.getByRole('heading', { name: 'Input', exact: true, level: 4 }).waitFor()
  await page.reload()
  const input = page.getByLabel('Input', { exact: true }).last()
  await input.filter({ hasText: '1 0' }).waitFor()
  await check('own-input-result')

  await write(page, '# in the middle of something\n')
  await page.getByRole('tab', { name: 'Submissions' }).click()
  await page.getByRole('button', { name: 'Wrong answer', exact: true }).click()
  await page.getByRole('button', { name: 'Load this code into the editor' }).first().press('Enter')
  await page.getByText('The code of the submission has replaced your code.').waitFor()
  // The button is gone, and Tab goes on in the part with the editor.
  await page.waitForFunction(() => document.activeElement.matches('[data-screen] > *'))
  await page.getByRole('button', { name: 'Restore', exact: true }).click()
  await page.getByRole('textbox', { name: /Source code/ }).filter({ hasText: '# in the middle of something' }).waitFor()
  await close()
})

test('a wrong answer of Run names the sample', async () => {
  await registered('sampler')
  const { page, close } = await visit(browser)
  await signIn(page, 'sampler')
  await page.goto(`${server.url}/problems/${SLUG}`)
  await write(page, 'print(0, 0)\n')
  await page.getByRole('button', { name: 'Run', exact: true }).click()
  await page.getByText('Wrong answer on sample 1', { exact: true }).waitFor()
  await page.getByRole('region', { name: 'Sample 1' }).waitFor()
  await close()
})
