// Takes the pictures of README: the real server with the shipped problems and their submissions. It is not part of the tests.
//
//   node e2e/pictures.mjs        in web/, with the server built
import { readdirSync, readFileSync } from 'node:fs'
import { chooseLanguage, launch, visit } from './browser.mjs'
import { asAdmin, call, enterFirst, HOUR, makeContest, PASSWORD, registered, submit, tokenOf, write } from './people.mjs'
import { startServer } from './server.mjs'
import { openTerminal, terminalShows } from './terminal.mjs'

const ROOT = new URL('../../', import.meta.url).pathname
const SET = ['calm-water', 'mail-sled', 'odometer', 'owl-tree', 'quiet-hours', 'twin-labels']
const TEAMS = 8
const TALK = `import os

print("This terminal has", os.get_terminal_size().columns, "columns.")
while True:
    name = input("Your name? ")
    if not name:
        break
    print(f"\\033[1;32mHello\\033[0m, {name}!")
`

/** The first Python submission of a shipped problem in a folder such as `accepted`. */
function source(slug, folder) {
  const path = `${ROOT}problems/${slug}/submissions/${folder}/`
  return readFileSync(path + readdirSync(path).filter((name) => name.endsWith('.py')).sort()[0], 'utf8')
}

const server = await startServer()
const browser = await launch()

/** Submits a Python program to a problem, and waits for its verdict. */
const send = (user, slug, code) => call(server, tokenOf(server, user), 'POST', `/problems/${slug}/submissions?wait=60`, { language: 'python', source_code: code })

async function take(page, name) {
  await page.mouse.move(0, 0)
  await page.waitForLoadState('networkidle')
  await page.screenshot({ path: `${ROOT}docs/images/${name}.png` })
}

try {
  const { problems } = await asAdmin(server, 'GET', '/problems?limit=100')
  const student = await registered(server, browser)
  for (const [at, { slug }] of problems.entries()) {
    if (at % 3 === 0) await send(student.name, slug, source(slug, 'accepted'))
    if (at % 7 === 1) await send(student.name, slug, 'print(0)\n')
  }
  await student.page.reload()
  await take(student.page, 'problems')
  await student.page.goto(`${server.url}/account`)
  await take(student.page, 'account')
  await student.page.goto(`${server.url}/problems/calm-water`)
  await submit(student.page, source('calm-water', 'wrong_answer'))
  await student.page.locator('[data-verdict="WA"]').first().waitFor()
  await take(student.page, 'problem')

  const dark = await registered(server, browser, { path: '/playground', theme: 'dark' })
  await chooseLanguage(dark.page, 'python')
  await write(dark.page, TALK)
  await openTerminal(dark.page)
  await dark.page.getByRole('button', { name: 'Run', exact: true }).click()
  for (const typed of ['Ada', 'world']) {
    await terminalShows(dark.page, /Your name\?\s*$/)
    await dark.page.keyboard.type(`${typed}\n`)
    await terminalShows(dark.page, new RegExp(`Hello, ${typed}!`))
  }
  await take(dark.page, 'playground')

  await makeContest(server, 'autumn', 'Autumn Cup', -HOUR, { problems: SET })
  for (let team = 1; team <= TEAMS; team += 1) {
    const username = `team-${team}`
    await call(server, '', 'POST', '/auth/register', { username, email: `${username}@example.com`, password: PASSWORD })
    await call(server, tokenOf(server, username), 'POST', '/contests/autumn/participation', { kind: 'official' })
  }
  for (const [at, slug] of SET.entries()) {
    for (let team = 1; team <= TEAMS; team += 1) {
      const chance = (team * 5 + at * 3) % 7
      if (chance % 3 === 1) await send(`team-${team}`, slug, 'print(0)\n')
      if (chance >= at) await send(`team-${team}`, slug, source(slug, 'accepted'))
    }
  }
  await dark.page.goto(`${server.url}/contests/autumn?view=standings`)
  await dark.page.getByRole('row').nth(TEAMS).waitFor()
  await take(dark.page, 'standings')

  const admin = await visit(browser, { theme: 'dark' })
  await enterFirst(admin.page, server)
  await admin.page.goto(`${server.url}/admin`)
  await admin.page.getByText('seccomp', { exact: false }).first().waitFor()
  await take(admin.page, 'admin')
} finally {
  await browser.close()
  await server.stop()
}
