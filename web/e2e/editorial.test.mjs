// The editorial of a problem: shown after a question or once the problem is solved, and never during a contest.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, before, test } from 'node:test'
import { launch } from './browser.mjs'
import * as people from './people.mjs'
import { HOUR } from './people.mjs'
import { startServer } from './server.mjs'

const SOLUTION = readFileSync(new URL('../../problems/calm-water/submissions/accepted/queues.py', import.meta.url), 'utf8')

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

test('an editorial has a tab, which is in the URL; before the problem is solved, a button shows it', async () => {
  for (const [language, theme, width, tab, show] of [
    ['en', 'light', 1280, 'Editorial', 'Show the editorial'],
    ['zh-CN', 'dark', 360, '题解', '显示题解'],
  ]) {
    const { page, check, close } = await registered({ language, theme, width, path: '/problems/odometer' })
    const requests = []
    page.on('request', (request) => request.url().includes('/editorial?') && requests.push(request.url()))
    const first = page.getByRole('heading', { name: 'Numbers below a limit' })
    const button = page.getByRole('button', { name: show })
    await page.getByRole('tab', { name: tab }).click()
    await page.waitForURL(/view=editorial/)
    await button.waitFor()
    assert.deepEqual(requests, [], 'the editorial is requested only on demand')
    await check(`editorial-hidden-${language}`)
    await button.press('Enter')
    await first.waitFor()
    await page.locator('.statement .katex').first().waitFor()
    assert.equal(await page.evaluate(() => document.activeElement.id), 'panel-editorial', 'the focus stays in the panel')
    await check(`editorial-${language}`)
    await page.goBack()
    await page.getByRole('heading', { name: 'Lively Odometer', level: 1 }).waitFor()
    await page.goForward()
    await first.waitFor()
    await page.reload()
    await button.waitFor()
    await close()
  }
})

test('a problem without an editorial has no tab for it, and its URL shows the statement', async () => {
  const { page, close } = await registered({ path: '/problems/night-bus?view=editorial' })
  await page.getByRole('heading', { name: 'Night Bus', level: 1 }).waitFor()
  await page.getByRole('tab', { name: 'Statement', selected: true }).waitFor()
  assert.equal(await page.getByRole('tab', { name: 'Editorial' }).count(), 0)
  await close()
})

test('once a problem is solved, its editorial is shown at once', async () => {
  const { page, close } = await registered({ path: '/problems/calm-water' })
  await page.getByRole('tab', { name: 'Editorial' }).click()
  await page.getByRole('button', { name: 'Show the editorial' }).waitFor()
  await people.submit(page, SOLUTION)
  await page.locator('[data-verdict="AC"]').first().waitFor()
  const heading = page.getByRole('heading', { name: 'Two pointers' })
  await heading.waitFor()
  await page.reload()
  await heading.waitFor()
  await close()
})

test('while a contest with a problem is running, the page of the problem has no editorial', async () => {
  const { page, name, close } = await registered({ path: '/problems/mountain-photo' })
  await page.getByRole('tab', { name: 'Editorial' }).click()
  await page.getByRole('button', { name: 'Show the editorial' }).waitFor()
  // The contest begins while the page is open.
  await people.makeContest(server, 'photos', 'Photo Cup', -HOUR, { problems: ['mountain-photo'] })
  await people.call(server, people.tokenOf(server, name), 'POST', '/contests/photos/participation', { kind: 'official' })
  await page.getByRole('button', { name: 'Show the editorial' }).click()
  await page.getByText('You cannot read the editorial now.').waitFor()
  await page.reload()
  await page.getByRole('heading', { name: 'Mountain Photo', level: 1 }).waitFor()
  assert.equal(await page.getByRole('tab', { name: 'Editorial' }).count(), 0)
  await close()
})
