// Shared parts of the browser tests: users, API calls of these users, problems, contests, and typing into the editor.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { chooseLanguage, PATIENCE_MS, visit } from './browser.mjs'

export { PATIENCE_MS }

export const PASSWORD = 'correct horse battery'
export const HOUR = 3600

/** The time in `seconds` seconds. */
export const at = (seconds) => new Date(Date.now() + seconds * 1000).toISOString()

/** A call with a key or token. */
export async function call(server, key, method, path, body) {
  const headers = { authorization: `Bearer ${key}`, ...(body && { 'content-type': 'application/json' }) }
  const answer = await fetch(`${server.url}/api/v1${path}`, { method, headers, ...(body && { body: JSON.stringify(body) }) })
  const text = await answer.text()
  assert.ok(answer.ok, `${method} ${path}: ${answer.status} ${text}`)
  return text === '' ? undefined : JSON.parse(text)
}

/** An API key of the administrator that the first start has created. */
export const adminKey = (server) => /API key: (\S+)/.exec(server.stderr())[1]
export const asAdmin = (server, method, path, body) => call(server, adminKey(server), method, path, body)
/** Creates a private problem of the administrator from the files of a package, in any supported format. */
export async function putProblem(server, slug, files) {
  const folder = mkdtempSync(join(tmpdir(), 'cupel-package-'))
  try {
    for (const [name, text] of Object.entries(files)) {
      mkdirSync(dirname(join(folder, name)), { recursive: true })
      writeFileSync(join(folder, name), text)
    }
    const body = execFileSync('tar', ['-C', folder, '-cf', '-', '.'])
    const headers = { authorization: `Bearer ${adminKey(server)}`, 'content-type': 'application/x-tar' }
    const answer = await fetch(`${server.url}/api/v1/problems?slug=${slug}`, { method: 'POST', headers, body })
    assert.ok(answer.ok, `${slug}: ${answer.status} ${await answer.text()}`)
  } finally {
    rmSync(folder, { recursive: true })
  }
  await asAdmin(server, 'POST', `/problems/${slug}/verify?wait=30`)
  // The server refuses this until the verification has ended, which may take longer than it waits.
  let refusal
  const publish = () => asAdmin(server, 'PATCH', `/problems/${slug}`, { visibility: 'private' })
  await until(`${slug} is verified`, () => publish().then(() => true, (error) => ((refusal = error), false))).catch((error) => {
    throw refusal ?? error
  })
}

/** An access token of a user. */
export const tokenOf = (server, name) => server.command('user', 'token', name).trim().split('\n').at(-1)

/** Ends all sessions of a user. */
export async function endSessions(server, name) {
  const token = tokenOf(server, name)
  const { sessions } = await call(server, token, 'GET', '/auth/sessions')
  for (const { session_id: id, current } of sessions) if (!current) await call(server, token, 'DELETE', `/auth/sessions/${id}`)
}

/** Creates a public contest of two hours with the problem Calm Water. */
export const makeContest = (server, slug, title, starts, change = {}, key = adminKey(server)) =>
  call(server, key, 'POST', '/contests', { slug, title, style: 'icpc', starts_at: at(starts), length_seconds: 2 * HOUR, public: true, problems: ['calm-water'], ...change })

/** Waits until an asynchronous condition holds. `page.waitForFunction` cannot do this, because a promise counts as true. */
export async function until(what, condition) {
  const deadline = Date.now() + PATIENCE_MS
  while (!(await condition())) {
    assert.ok(Date.now() < deadline, `not in time: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
}

let made = 0
/**
 * Opens `path` in a new browser window, in which a new user `student-N` is signed in. The API registers the user, which takes less time
 * than the form. `options` are those of `visit`.
 */
export async function registered(server, browser, { path = '/problems', ...options } = {}) {
  const visitor = await visit(browser, options)
  const { page } = visitor
  made += 1
  const name = `student-${made}`
  const send = async (to, data) => {
    const answer = await visitor.request.post(`${server.url}/api/v1/${to}`, { data, headers: { 'x-cupel-site': '1', origin: new URL(server.url).origin } })
    assert.ok(answer.ok(), `${to}: ${answer.status()} ${await answer.text()}`)
  }
  await send('auth/register', { username: name, email: `${name}@example.com`, password: PASSWORD })
  await send('session', { username: name, password: PASSWORD })
  await page.goto(`${server.url}${path}`)
  if (path === '/problems') await page.getByRole('heading', { name: 'Problems', exact: true }).waitFor()
  return Object.assign(visitor, { name })
}

/** Sets the password of the administrator with the link that the first start has printed. The page is then signed in. Returns the name. */
export async function enterFirst(page, server) {
  const [, name] = /administrator: (\S+)/.exec(server.stderr())
  await page.goto(/http:\S+\/password#\S+/.exec(server.stderr())[0])
  await page.getByLabel('New password').fill(PASSWORD)
  await page.getByRole('button', { name: 'Set the password and sign in' }).click()
  await page.getByRole('heading', { name: 'Problems', exact: true }).waitFor()
  return name
}

/** Fills in and sends the form for a new user. */
export async function register(page, name) {
  await page.getByLabel('User name').fill(name)
  await page.getByLabel('E-mail address').fill(`${name}@example.com`)
  await page.getByLabel('Password').fill(PASSWORD)
  // Not with the mouse, which would then be on a line of the list and load its page.
  await page.getByRole('button', { name: 'Create the account' }).press('Enter')
}

/** Replaces the code in the editor by pasting. */
export async function write(page, code) {
  const editor = page.getByRole('textbox', { name: /Source code/ })
  await editor.click()
  await page.keyboard.press('Control+a')
  await page.keyboard.press('Delete')
  await page.keyboard.insertText(code)
}

/** Submits Python code on a problem's page. */
export async function submit(page, code, language = 'python') {
  await chooseLanguage(page, language)
  await write(page, code)
  await page.getByRole('button', { name: 'Submit' }).click()
}
