// Writing code in a browser, against the real server: key bindings of Vim and Emacs, compiler messages in the editor, the choice of a
// language, and the use of a result.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, afterEach, before, test } from 'node:test'
import { chooseLanguage, closeVisits, launch, visit } from './browser.mjs'
import * as people from './people.mjs'
import { until } from './people.mjs'
import { startServer } from './server.mjs'
import { terminalShows } from './terminal.mjs'

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
// A failed test must not leave a run that occupies a slot in the next test.
afterEach(async () => {
  await closeVisits(browser)
})

/** Opens a page with an editor for a new user. */
async function registered(path = `/problems/${SLUG}`, options = {}) {
  const visitor = await people.registered(server, browser, { path, ...options })
  await visitor.page.getByRole('textbox', { name: /Source code/ }).waitFor()
  return visitor
}

const editor = (page) => page.getByRole('textbox', { name: /Source code/ })

async function write(page, code) {
  await editor(page).click()
  await page.keyboard.press('Control+a')
  await page.keyboard.press('Delete')
  await page.keyboard.insertText(code)
}

/** Waits until the editor has this text. */
const holds = (page, text) =>
  page.waitForFunction((expected) => document.querySelector('[data-editor]')?.shadowRoot.querySelector('.cm-content')?.innerText.replace(/\n$/, '') === expected, text)

async function set(page, choice) {
  await page.getByRole('button', { name: 'Editor settings' }).click()
  await page.getByRole('menuitemradio', { name: choice, exact: true }).click()
  await page.keyboard.press('Escape')
  await page.getByRole('menu').waitFor({ state: 'hidden' })
}

const verdict = (page, code) => page.locator(`[data-verdict="${code}"]:visible`).waitFor()

test('the Vim key bindings are stored, and do not hide the keys for Run, Submit and leaving the editor', async () => {
  const { page, check, close } = await registered()
  await page.getByRole('button', { name: 'Editor settings' }).click()
  await page.getByRole('menuitemradio', { name: 'Vim' }).waitFor()
  await check('editor-settings')
  await page.getByRole('menuitemradio', { name: 'Vim' }).click()
  await page.keyboard.press('Escape')
  await page.locator('.cm-vim-panel').waitFor()
  await editor(page).click()
  await page.keyboard.type('ggdGiprint(1)')
  await page.keyboard.press('Escape')
  await page.keyboard.type('yyp')
  await holds(page, 'print(1)\nprint(1)')
  await check('editor-vim')
  // Esc leaves the insert mode, and Tab then leaves the editor.
  await page.keyboard.press('Escape')
  await page.keyboard.press('Tab')
  assert.equal(await page.evaluate(() => document.activeElement?.hasAttribute('data-editor')), false)
  await page.reload()
  await page.locator('.cm-vim-panel').waitFor()
  await editor(page).click()
  await page.keyboard.type('dd')
  await holds(page, 'print(1)')
  await page.keyboard.press("Control+'")
  await verdict(page, 'WA')
  await close()
})

test('the Emacs key bindings are stored, and do not hide the keys for leaving the editor', async () => {
  const { page, check, close } = await registered()
  await write(page, 'abcd')
  await set(page, 'Emacs')
  await page.locator('.cm-emacsMode').waitFor()
  await editor(page).click()
  // Kills the rest of the line and yanks it twice. Elsewhere, Ctrl-K opens the palette.
  for (const key of ['a', 'f', 'f', 'k']) await page.keyboard.press(`Control+${key}`)
  await holds(page, 'ab')
  await page.keyboard.press('Control+y')
  await page.keyboard.press('Control+y')
  await holds(page, 'abcdcd')
  await check('editor-emacs')
  await page.keyboard.press('Escape')
  await page.keyboard.press('Tab')
  assert.equal(await page.evaluate(() => document.activeElement?.hasAttribute('data-editor')), false)
  await page.keyboard.press('Control+k')
  await page.getByRole('dialog').waitFor()
  await page.keyboard.press('Escape')
  await page.reload()
  await page.locator('.cm-emacsMode').waitFor()
  await editor(page).click()
  await page.keyboard.press('Control+x')
  await page.keyboard.press('h')
  await page.keyboard.press('Control+w')
  await holds(page, '')
  await close()
})

test('a tab has the width that the user has chosen, and the search opens in the editor', async () => {
  const { page, close } = await registered()
  await write(page, '')
  await page.keyboard.press('Tab')
  await page.keyboard.type('x')
  await holds(page, '    x')
  await set(page, '8')
  await write(page, '')
  await page.keyboard.press('Tab')
  await page.keyboard.type('x')
  await holds(page, '        x')
  await page.keyboard.press('Control+f')
  await page.getByRole('textbox', { name: 'Find' }).waitFor()
  // The editor and its search have the language of the site, even after the language was changed.
  await page.keyboard.press('Escape')
  await page.getByRole('button', { name: 'Theme, Language' }).click()
  await page.getByRole('menuitemradio', { name: '简体中文' }).click()
  await page.getByRole('menuitemradio').first().waitFor({ state: 'detached' })
  await page.getByRole('textbox', { name: /源代码/ }).click()
  await page.keyboard.press('Control+f')
  await page.getByRole('textbox', { name: '查找' }).waitFor()
  await page.getByRole('button', { name: '全部替换' }).waitFor()
  await close()
})

test('compiler messages are marked in the editor of a problem and of the playground', async () => {
  const broken = 'int main() {\n  undeclared;\n}'
  const { page, check, close } = await registered()
  const marks = page.locator('.cm-gutter-lint .cm-lint-marker-error')
  await chooseLanguage(page, 'cpp')
  await write(page, broken)
  assert.equal(await marks.count(), 0)
  await page.getByRole('button', { name: 'Run' }).click()
  await verdict(page, 'CE')
  await marks.waitFor()
  await check('compiler-marks')
  // F8 selects the word of the message, and typed text replaces the word.
  await editor(page).click()
  await page.keyboard.press('Control+Home')
  await page.keyboard.press('F8')
  await page.keyboard.type('return 0')
  await holds(page, broken.replace('undeclared', 'return 0'))
  await page.getByRole('button', { name: 'Run' }).click()
  await verdict(page, 'WA')
  await marks.waitFor({ state: 'detached' })

  await page.goto(`${server.url}/playground`)
  await chooseLanguage(page, 'c')
  await write(page, 'int main(void) {\n  return x;\n}\n')
  await page.getByRole('button', { name: 'Run', exact: true }).click()
  await verdict(page, 'CE')
  await marks.waitFor()
  await close()
})

test('a language can be found by typing, recently used languages come first, and the keyboard is enough', async () => {
  const { page, check, close } = await registered('/playground')
  const picker = page.getByRole('combobox', { name: 'Language', exact: true })
  const search = page.getByRole('combobox', { name: 'Search languages' })
  const isFocused = () => search.and(page.locator(':focus')).waitFor()
  await picker.focus()
  await page.keyboard.press('Enter')
  await isFocused()
  await page.keyboard.type('no such language')
  await page.getByText('No language has this name.').waitFor()
  await page.keyboard.press('Escape')
  await search.waitFor({ state: 'hidden' })
  await page.keyboard.press('Enter')
  await isFocused()
  await page.keyboard.type('bash')
  await page.getByRole('option', { name: /^Bash/ }).waitFor()
  await page.keyboard.press('Enter')
  await search.waitFor({ state: 'hidden' })
  await page.waitForFunction(() => /^Bash/.test(document.activeElement?.innerText ?? ''), undefined)
  await page.keyboard.press('ArrowDown')
  await page.getByRole('group', { name: 'Recently used' }).getByRole('option', { name: /^Bash/ }).waitFor()
  assert.equal(await page.getByRole('group', { name: 'All languages' }).getByRole('option', { name: /^Bash/ }).count(), 0)
  await check('language-picker')
  // Choosing the current language again closes the list.
  await isFocused()
  await page.keyboard.type('bash')
  await page.keyboard.press('Enter')
  await search.waitFor({ state: 'hidden' })
  await page.waitForFunction(() => /^Bash/.test(document.activeElement?.innerText ?? ''))
  await close()
})

test('on a phone, a language can also be found by typing', async () => {
  const { page, check, close } = await visit(browser, { width: 360 })
  await page.goto(`${server.url}/playground`)
  await page.getByRole('combobox', { name: 'Language', exact: true }).tap()
  await page.getByRole('combobox', { name: 'Search languages' }).fill('java')
  await page.getByRole('option', { name: /^Java/ }).first().waitFor()
  await check('language-picker')
  await close()
})

test('buttons move between differences, and equal lines can be hidden', async () => {
  const { page, check, close } = await registered('/problems/rising-tide')
  const { samples } = await page.evaluate(async () => (await fetch('/api/v1/problems/rising-tide')).json())
  const [first] = samples.filter((sample) => sample.output.trim().split('\n').length > 3)
  const lines = first.output.trimEnd().split('\n')
  const shown = lines.map((line, at) => (at === 1 || at === lines.length - 1 ? 'wrong' : line))
  await write(page, `import sys\nsys.stdin.read()\nballast = b'.' * (64 << 20)\nprint(${JSON.stringify(shown.join('\n'))})\n`)
  await page.getByRole('button', { name: 'Run' }).click()
  await verdict(page, 'WA')
  await page.getByRole('button', { name: new RegExp(`^Test ${samples.indexOf(first) + 1}: `) }).click()
  const current = page.locator('tr[aria-current]')
  await page.getByText('Difference 1 of 2').waitFor()
  assert.equal(await current.getAttribute('data-line'), '2')
  await page.getByRole('button', { name: 'Next difference' }).click()
  await page.getByText('Difference 2 of 2').waitFor()
  assert.equal(await current.getAttribute('data-line'), String(lines.length))
  await page.getByRole('button', { name: 'Next difference' }).click()
  await page.getByText('Difference 1 of 2').waitFor()
  await page.getByLabel('Only differences').check()
  assert.equal(await page.locator('tr[data-line]').count(), 2)
  // The bars show time and memory of each test as shares of the limits, because some test needs more than a tenth.
  assert.match(await page.getByRole('group', { name: 'Tests' }).getByRole('button').first().getAttribute('aria-label'), /^Test 1: .*, [\d.]+ m?s, [\d.]+ [KM]iB$/)
  await page.getByText('Bars show shares of the limits: time above, memory below.').waitFor()
  await check('only-differences')
  await close()
})

test('the drawer has the samples, and a terminal for interactive runs of the solution', async () => {
  const { page, check, close } = await registered()
  await page.getByRole('tab', { name: 'Samples' }).click()
  const drawer = page.getByRole('tabpanel', { name: 'Samples' })
  await drawer.getByRole('button', { name: 'Copy Sample 1, Input' }).click()
  assert.match(await page.evaluate(() => navigator.clipboard.readText()), /^\d+ \d+\n/)
  await check('drawer-samples')
  await write(page, 'print("heard", input("say: ").upper())\n')
  await page.getByRole('tab', { name: 'Terminal' }).click()
  assert.equal(await page.getByRole('button', { name: 'Run', exact: true }).count(), 0, 'Run names the terminal')
  await page.getByRole('button', { name: 'Run in terminal' }).click()
  await terminalShows(page, /say: /)
  await page.keyboard.type('hello\n')
  await terminalShows(page, /heard HELLO/)
  await page.getByText('The program ended normally').waitFor()
  await check('drawer-terminal')
  // The key for Run starts the program in the terminal, too.
  await editor(page).click()
  await page.keyboard.press("Control+'")
  await page.locator('[data-phase=running]').waitFor()
  await page.keyboard.type('again\n')
  await terminalShows(page, /heard AGAIN/)
  await page.getByRole('tab', { name: 'Terminal', selected: true }).waitFor()
  // A submission is judged as usual, and its verdict is shown in the result panel.
  await write(page, RIGHT)
  await page.getByRole('button', { name: 'Submit' }).click()
  await verdict(page, 'AC')
  await page.getByRole('tab', { name: 'Verdict', selected: true }).waitFor()
  await close()
})

for (const path of [`/problems/${SLUG}`, '/playground']) {
  test(`when the window of ${path} becomes narrower and wider, the editor, the terminal and its program stay`, async () => {
    const { page, check, close } = await registered(path)
    await chooseLanguage(page, 'python')
    await write(page, 'print("heard", input("say: ").upper())\n')
    await page.getByRole('tab', { name: 'Terminal' }).click()
    await page.getByRole('button', { name: /^Run/ }).click()
    await terminalShows(page, /say: /)
    const kept = await Promise.all([editor(page), page.locator('[data-terminal]')].map((part) => part.elementHandle()))
    const stay = async () => assert.deepEqual(await Promise.all(kept.map((part) => part.evaluate((node) => node.isConnected))), [true, true])
    await page.setViewportSize({ width: 800, height: 800 })
    await page.getByRole('tab', { name: /^(Result|Input and output)$/ }).click()
    await terminalShows(page, /say: /)
    await stay()
    await check(`narrower${path.slice(0, 5).replace('/', '-')}`)
    await page.getByRole('textbox', { name: /Terminal of the program/ }).focus()
    await page.keyboard.type('hel')
    await terminalShows(page, /say: hel/)
    await page.setViewportSize({ width: 1280, height: 800 })
    await page.getByRole('separator').first().waitFor()
    await page.keyboard.type('lo\n')
    await terminalShows(page, /say: hello\s+heard HELLO/)
    await stay()
    await check(`wider${path.slice(0, 5).replace('/', '-')}`)
    await page.keyboard.press('Shift+Tab')
    await editor(page).click()
    await page.keyboard.press('Control+z')
    await page.waitForFunction(() => !document.querySelector('[data-editor]').shadowRoot.querySelector('.cm-content').innerText.includes('heard'))
    await close()
  })
}

test('a program that is too large for the terminal is not started, and the page says how large it may be', async () => {
  const { page, close } = await registered()
  const sockets = []
  page.on('websocket', (socket) => sockets.push(socket.url()))
  await write(page, `${`# ${'x'.repeat(1022)}\n`.repeat(260)}print("ran")\n`)
  await page.getByRole('tab', { name: 'Terminal' }).click()
  await page.getByRole('button', { name: 'Run in terminal' }).click()
  await page.getByRole('alert').getByText(/^The program and its input together have 26\d.* KiB; at most 255 KiB are allowed\.$/).waitFor()
  assert.deepEqual(sockets, [])
  await write(page, 'print("ran", 6 * 7)\n')
  await page.getByRole('button', { name: 'Run in terminal' }).click()
  await terminalShows(page, /ran 42/)
  assert.equal(await page.getByRole('alert').count(), 0)
  await close()
})

test('the arrow keys, Home and End move a divider, and the browser keeps its place', async () => {
  const { page, close } = await registered()
  const place = async (at) => {
    const divider = page.getByRole('separator').nth(at)
    const [box, value] = [await divider.boundingBox(), await divider.getAttribute('aria-valuenow')]
    return { at: at === 0 ? box.x : box.y, value: Number(value) }
  }
  for (const [at, forth, back] of [[0, 'ArrowRight', 'ArrowLeft'], [1, 'ArrowDown', 'ArrowUp']]) {
    await page.getByRole('separator').nth(at).focus()
    const first = await place(at)
    await page.keyboard.press(forth)
    const next = await place(at)
    assert.ok(next.at > first.at && next.value === first.value + 2, JSON.stringify([first, next]))
    await page.keyboard.press(back)
    assert.deepEqual(await place(at), first)
    await page.keyboard.press('Home')
    const least = await place(at)
    await page.keyboard.press(back)
    assert.deepEqual(await place(at), least)
    await page.keyboard.press('End')
    const most = await place(at)
    assert.ok(least.at < first.at && first.at < most.at)
    // The keys of the other direction move nothing.
    await page.keyboard.press(at === 0 ? 'ArrowUp' : 'ArrowLeft')
    assert.deepEqual(await place(at), most)
    await page.keyboard.press(back)
  }
  const kept = [await place(0), await place(1)]
  await page.reload()
  await editor(page).waitFor()
  assert.deepEqual([await place(0), await place(1)], kept)
  await close()
})

test('the dividers stay where the user has dragged them, whatever the panes show', async () => {
  const { page, close } = await registered()
  const dividers = page.getByRole('separator')
  const drag = async (at, x, y) => {
    const box = await dividers.nth(at).boundingBox()
    await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2)
    await page.mouse.down()
    await page.mouse.move(x, y, { steps: 4 })
    await page.mouse.up()
  }
  const places = async () => {
    const [left, top] = await Promise.all([dividers.nth(0).boundingBox(), dividers.nth(1).boundingBox()])
    return [left.x, top.y].map(Math.round)
  }
  await page.getByRole('textbox', { name: /Source code/ }).waitFor()
  await drag(0, 480, 300)
  await drag(1, 900, 360)
  const dragged = await places()
  assert.ok(Math.abs(dragged[0] - 480) <= 2 && Math.abs(dragged[1] - 360) <= 2, `the dividers are at ${dragged}`)
  await write(page, `# ${'a long line '.repeat(40)}\n${RIGHT.replace('begin + 1', 'begin + 7')}`)
  await page.getByRole('button', { name: 'Run', exact: true }).click()
  await verdict(page, 'WA')
  await page.getByText('First difference').waitFor()
  assert.deepEqual(await places(), dragged, 'after a run')
  for (const name of ['Samples', 'Custom input', 'Terminal', 'Verdict', 'Submissions', 'Statement']) {
    await page.getByRole('tab', { name }).click()
    await page.getByRole('tabpanel', { name }).waitFor()
    assert.deepEqual(await places(), dragged, `in the tab ${name}`)
  }
  await close()
})

test('when the window becomes narrow, the part of the page with the focus stays in view and keeps the focus', async () => {
  const { page, close } = await registered()
  const narrowed = async (focused, typed) => {
    await page.setViewportSize({ width: 1280, height: 800 })
    await page.getByRole('separator').first().waitFor()
    await focused.click()
    await page.setViewportSize({ width: 700, height: 800 })
    await page.getByRole('separator').first().waitFor({ state: 'detached' })
    await page.keyboard.type(typed)
    await focused.waitFor()
  }
  await narrowed(editor(page), '# typed ')
  await editor(page).getByText('# typed ').waitFor()
  await page.setViewportSize({ width: 1280, height: 800 })
  await page.getByRole('tab', { name: 'Custom input' }).click()
  const input = page.getByLabel('Input for your program')
  await narrowed(input, 'typed')
  assert.match(await input.inputValue(), /typed/)

  await page.setViewportSize({ width: 1280, height: 800 })
  await page.goto(`${server.url}/playground`)
  const stdin = page.getByLabel('Text for the program to read')
  await narrowed(stdin, 'typed')
  assert.equal(await stdin.inputValue(), 'typed')
  // The pane of the last run does not take the place of the editor.
  await narrowed(editor(page), '# typed ')
  await editor(page).getByText('# typed ').waitFor()
  await close()
})

test('a program is compiled with the user\'s additional options', async () => {
  const { page, check, close } = await registered('/playground')
  await page.getByText('Arguments, files and limits').click()
  assert.equal(await page.getByLabel('Compiler options').count(), 0, 'Python has no compiler')
  await chooseLanguage(page, 'c')
  await write(page, '#include <stdio.h>\nint main(void) { puts(WORD); }\n')
  await page.getByText('Arguments, files and limits').click()
  await page.getByLabel('Compiler options').fill(`-O1 '-DWORD="from the options"'`)
  await page.getByRole('button', { name: 'Run', exact: true }).click()
  await verdict(page, 'AC')
  await page.getByLabel('Output').getByText('from the options').waitFor()
  await check('compiler-options')
  await page.reload()
  await page.getByText('Arguments, files and limits').click()
  assert.match(await page.getByLabel('Compiler options').inputValue(), /from the options/)
  await close()
})

test('the verdict is announced in a region that existed before', async () => {
  const { page, close } = await registered()
  const region = page.locator('[aria-live="polite"]').filter({ hasText: 'Run your code on the samples' })
  await region.evaluate((element) => (element.dataset.before = 'yes'))
  await write(page, RIGHT)
  await page.getByRole('button', { name: 'Run' }).click()
  await page.locator('[data-before="yes"][data-verdict="AC"]').getByText('on the samples').waitFor()
  await close()
})

test('the keys for Run and Submit do nothing in a dialog, and a key that is held down runs the code once', async () => {
  const { page, close } = await registered()
  const sent = []
  page.on('request', (request) => request.method() === 'POST' && /\/(submissions|run)$/.test(request.url()) && sent.push(request.url().split('/').at(-1)))
  await page.getByRole('heading', { name: 'Calm Water', level: 1 }).click()
  await page.keyboard.press('?')
  await page.getByRole('dialog').waitFor()
  await page.keyboard.press('Control+Enter')
  await page.keyboard.press("Control+'")
  await page.keyboard.press('Escape')
  await page.getByRole('dialog').waitFor({ state: 'detached' })
  await page.keyboard.down('Control')
  for (let n = 0; n < 3; n += 1) await page.keyboard.down("'")
  await page.keyboard.up("'")
  await page.keyboard.up('Control')
  await page.locator('[data-verdict]:not([data-verdict="JE"])').waitFor()
  assert.deepEqual(sent, ['run'])
  await close()
})

test('keys that are typed right after the language list was opened reach its search field', async () => {
  const { page, close } = await registered(`/problems/${SLUG}`)
  await page.getByRole('textbox', { name: /Source code/ }).waitFor()
  const search = page.getByRole('combobox', { name: 'Search languages' })
  for (const text of ['python 3', 'rust']) {
    // The first opening loads the list; the second has it.
    await page.getByLabel('Language', { exact: true }).first().evaluate((button, text) => {
      button.click()
      for (const key of text) (document.activeElement ?? document.body).dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true }))
    }, text)
    await page.waitForFunction((text) => document.activeElement?.value === text, text)
    await page.getByRole('option').first().waitFor()
    await page.keyboard.press('Escape')
    await search.waitFor({ state: 'hidden' })
  }
  await close()
})

test('the custom input survives a reload and another language', async () => {
  const { page, close } = await registered(`/problems/${SLUG}`)
  await page.getByRole('tab', { name: 'Custom input' }).click()
  const input = page.getByLabel('Input for your program')
  await input.fill('1 2\n3\n')
  await page.reload()
  await page.getByRole('tab', { name: 'Custom input' }).click()
  assert.equal(await input.inputValue(), '1 2\n3\n')
  assert.equal(await page.getByRole('checkbox', { name: 'Run with this input' }).isChecked(), true)
  await chooseLanguage(page, 'c')
  await page.getByRole('tab', { name: 'Custom input' }).click()
  assert.equal(await input.inputValue(), '1 2\n3\n')
  await close()
})

test('text that is typed over a selection replaces it, and a bracket encloses it, without a report of the content security policy', async () => {
  const { page, close } = await registered()
  await editor(page).click()
  await page.keyboard.press('Control+a')
  await page.keyboard.type('x')
  await holds(page, 'x')
  await page.keyboard.press('Control+a')
  await page.keyboard.type('(')
  await holds(page, '(x)')
  await page.keyboard.press('Control+a')
  await page.keyboard.insertText('print(1)\nprint(2)')
  await holds(page, 'print(1)\nprint(2)')
  await close()
})

test('on a phone in landscape, and while the on-screen keyboard is open, the code and Run are in view', async () => {
  for (const path of [`/problems/${SLUG}`, '/playground']) {
    const { page, close } = await people.registered(server, browser, { path, width: 360 })
    const tab = (name) => page.getByRole('tab', { name, exact: true }).first()
    const resultTab = path === '/playground' ? 'Input and output' : 'Result'
    await tab('Code').tap()
    await editor(page).waitFor()
    /** Checks that the last button is in the window, and that the editor has some lines. */
    const isSound = async (width, height, lines) => {
      await page.setViewportSize({ width, height })
      const run = await page.getByRole('button', { name: path === '/playground' ? 'Run' : 'Submit', exact: true }).boundingBox()
      assert.ok(run.y + run.height <= height, `${path}, ${width} x ${height}: the bar ends at ${run.y + run.height}`)
      if (lines === 0) return
      const code = await page.locator('[data-editor]').boundingBox()
      const symbols = await page.getByRole('group', { name: 'Symbols' }).boundingBox()
      const seen = Math.min(code.y + code.height, symbols.y) - Math.max(0, code.y)
      assert.ok(seen >= lines * 24, `${path}, ${width} x ${height}: ${seen} px of the code are in view`)
    }
    await isSound(740, 360, 4)
    await editor(page).tap()
    await isSound(740, 200, 4)
    await isSound(360, 400, 8)
    await page.locator('header').waitFor({ state: 'hidden' })
    // A tap reaches its tab, although the bar above reappears and moves the tabs.
    await tab(resultTab).tap()
    await page.locator('header').waitFor()
    await page.getByRole('tab', { name: resultTab, selected: true }).first().waitFor()
    await isSound(740, 360, 0)
    await close()
  }
})

test('in a low window, the editor has half of the height, and Run is beside the tabs', async () => {
  for (const [path, width, height, touch] of [
    [`/problems/${SLUG}`, 740, 360, true],
    [`/problems/${SLUG}`, 740, 360, false],
    [`/problems/${SLUG}`, 915, 412, true],
    ['/playground', 740, 360, true],
    ['/playground', 915, 412, true],
    ['/playground', 740, 360, false],
  ]) {
    const { page, check, close } = await people.registered(server, browser, { path, width, touch })
    await page.setViewportSize({ width, height })
    await page.getByRole('tab', { name: 'Code', exact: true }).click()
    await editor(page).waitFor()
    const isSound = async (what) => {
      const code = await page.locator('[data-editor]').boundingBox()
      const name = `${path}, ${width} x ${height}, ${touch ? 'touch' : 'mouse'}, ${what}`
      assert.ok(code.height >= height / 2 && code.y + code.height <= height, `${name}: the editor is at ${JSON.stringify(code)}`)
      await page.getByRole('button', { name: 'Run', exact: true }).click({ trial: true })
    }
    await isSound('before')
    await editor(page).click()
    await isSound('while typing')
    if (path === '/playground') {
      await page.getByRole('button', { name: 'Share', exact: true }).click()
      await page.getByRole('button', { name: 'Make the link' }).waitFor()
      const files = await page.getByRole('tablist', { name: 'Files' }).boundingBox()
      assert.ok(files.width >= 100, `${width} x ${height}: beside the panel of the link, the files have ${files.width} px`)
      await page.getByRole('button', { name: 'Share', exact: true }).click()
    }
    await check(`low-${path === '/playground' ? 'playground' : 'problem'}-${touch ? 'touch' : 'mouse'}`)
    // The empty program is refused, and the reason is in view.
    await write(page, '')
    await page.getByRole('button', { name: 'Run', exact: true }).click()
    await page.getByRole('alert').waitFor()
    const alert = await page.getByRole('alert').boundingBox()
    assert.ok(alert.y >= 0 && alert.y + alert.height <= height, `${path}: the reason is at ${JSON.stringify(alert)}`)
    await page.getByRole('tab', { name: path === '/playground' ? 'Input and output' : 'Result' }).first().click({ trial: true })
    await close()
  }
})

test('a tablet in landscape has the row of symbols, and no hint about keys', async () => {
  const { page, close } = await registered(`/problems/${SLUG}`, { width: 1180, touch: true })
  await write(page, '')
  await page.getByRole('group', { name: 'Symbols' }).getByText('#').click()
  await editor(page).getByText('#').waitFor()
  assert.equal(await page.getByText('Tab indents.').isVisible(), false)
  await close()
})

test('on a phone, the terminal of a problem has buttons for keys that phones lack', async () => {
  const { page, check, close } = await people.registered(server, browser, { path: `/problems/${SLUG}`, width: 360 })
  await page.getByRole('tab', { name: 'Code' }).tap()
  await write(page, 'import sys\nprint(len(sys.stdin.read()), "read")\n')
  await page.getByRole('tab', { name: 'Result' }).tap()
  await page.getByRole('tab', { name: 'Terminal' }).tap()
  await page.getByRole('tab', { name: 'Code' }).tap()
  await page.getByRole('button', { name: 'Run in terminal' }).tap()
  await page.locator('[data-phase=running]').waitFor()
  await page.getByRole('button', { name: 'Ctrl D' }).tap()
  await page.getByText('The program ended normally').waitFor()
  await check('drawer-terminal-phone')
  await close()
})

test('a language that cannot run now stays with its code, says why, and runs again when the server has it', async () => {
  for (const [theme, width, path] of [['light', 1280, `/problems/${SLUG}`], ['dark', 360, `/problems/${SLUG}`], ['light', 1280, '/playground'], ['dark', 360, '/playground']]) {
    const name = `${path} at ${width} px`
    const { page, check, close, faults } = await people.registered(server, browser, { theme, width, path })
    const isProblem = path !== '/playground'
    const code = () => (width < 900 ? page.getByRole('tab', { name: 'Code' }).click() : undefined)
    const language = page.getByLabel('Language', { exact: true }).first()
    const [run, submit] = ['Run', 'Submit'].map((button) => page.getByRole('button', { name: button, exact: true }))
    await code()
    await editor(page).waitFor()
    await write(page, 'print("kept")\n')
    const before = await language.innerText()
    assert.match(before, /^Python/)
    let gone = true
    await page.route('**/api/v1/languages', async (route) => {
      const answer = await route.fetch()
      const { languages } = await answer.json()
      const change = (one) => (gone && one.language_id === 'python' ? { ...one, available: false, unavailable_reason: 'no worker has this language' } : one)
      await route.fulfill({ response: answer, json: { languages: languages.map(change) } })
    })
    await page.reload()
    await code()
    await editor(page).getByText('print("kept")').waitFor()
    const sentence = page.getByRole('status').filter({ hasText: 'cannot run on this server now. Your code is kept.' })
    await sentence.waitFor()
    assert.equal(await sentence.locator('[lang=en]').innerText(), 'no worker has this language')
    assert.equal(await language.innerText(), before, name)
    for (const button of isProblem ? [run, submit] : [run]) assert.equal(await button.isDisabled(), true, name)
    const begun = []
    page.on('request', (request) => request.method() === 'POST' && /\/(run|submissions|execute)$/.test(new URL(request.url()).pathname) && begun.push(request.url()))
    page.on('websocket', (socket) => begun.push(socket.url()))
    await editor(page).click()
    for (const key of ['Control+Enter', "Control+'"]) await page.keyboard.press(key)
    // A key for Run or Submit would send its request at once, before the text that is typed next appears.
    await page.keyboard.type('#')
    await editor(page).getByText('#').first().waitFor()
    assert.deepEqual(begun, [], name)
    await page.keyboard.press('Backspace')
    await check(`language-gone-${isProblem ? 'problem' : 'playground'}`)
    // The list of languages says so, too. Without the stored code, the language would not be listed.
    await language.click()
    await page.getByRole('option', { name: /^Python .*cannot run now$/ }).waitFor()
    await page.keyboard.press('Escape')
    await page.getByRole('button', { name: 'Check again' }).click()
    await sentence.getByText('Checked again: nothing has changed.').waitFor()
    // The list cannot be read.
    const unread = (route) => route.abort()
    await page.route('**/api/v1/languages', unread)
    await page.getByRole('button', { name: 'Check again' }).click()
    await page.getByRole('alert').filter({ hasText: 'The server cannot be reached' }).waitFor()
    await sentence.getByText('Checked again').waitFor({ state: 'detached' })
    assert.equal(await page.evaluate(() => document.activeElement.textContent), 'Check again')
    await page.unroute('**/api/v1/languages', unread)
    faults.length = 0
    gone = false
    await page.getByRole('button', { name: 'Check again' }).click()
    await sentence.waitFor({ state: 'detached' })
    await run.click()
    await page.locator(`[data-verdict="${isProblem ? 'WA' : 'AC'}"]`).first().waitFor()
    await close()
  }
})

test('a program in a language that the server no longer lists opens in the playground, which says that it cannot run', async () => {
  const { page, close } = await people.registered(server, browser, { path: `/problems/${SLUG}` })
  await editor(page).waitFor()
  await write(page, 'print("kept")\n')
  await page.route('**/api/v1/languages', async (route) => {
    const answer = await route.fetch()
    const { languages } = await answer.json()
    await route.fulfill({ response: answer, json: { languages: languages.filter((one) => one.language_id !== 'python') } })
  })
  await page.reload()
  await page.getByRole('status').filter({ hasText: 'cannot run on this server now. Your code is kept.' }).waitFor()
  await page.getByRole('button', { name: 'Open in the playground Sample 1' }).click()
  await page.waitForURL(/\/playground$/)
  await editor(page).filter({ hasText: 'print("kept")' }).waitFor()
  await page.getByRole('status').filter({ hasText: 'cannot run on this server now. Your code is kept.' }).waitFor()
  await close()
})

test('an open editor keeps its language, code and caret when the language becomes unavailable, and with no language at all the page can check again', async () => {
  for (const path of [`/problems/${SLUG}`, '/playground']) {
    const { page, close, context, faults } = await people.registered(server, browser, { path: '/contests' })
    let missing = []
    await page.route('**/api/v1/languages', async (route) => {
      const answer = await route.fetch()
      const { languages } = await answer.json()
      const all = missing === 'all' ? [] : languages.map((one) => (missing.includes(one.language_id) ? { ...one, available: false, unavailable_reason: 'no worker has this language' } : one))
      await route.fulfill({ response: answer, json: { languages: all } })
    })
    await page.clock.install()
    await page.goto(`${server.url}${path}`)
    await editor(page).waitFor()
    await write(page, 'print("kept")\n')
    missing = ['python']
    // The list of languages is older than five minutes, so it is read again after an interruption.
    await page.clock.fastForward('06:00')
    await context.setOffline(true)
    await page.getByText('You are offline.').waitFor()
    await context.setOffline(false)
    await page.getByRole('status').filter({ hasText: 'cannot run on this server now' }).waitFor()
    await page.keyboard.type('# more')
    await holds(page, 'print("kept")\n# more')
    await page.getByRole('button', { name: 'Run', exact: true }).and(page.locator('[aria-disabled=true]')).waitFor()
    missing = 'all'
    await page.evaluate(() => localStorage.clear())
    await page.reload()
    await page.getByText(/^No language .*is installed on the server\.$/).waitFor()
    missing = []
    await page.getByRole('button', { name: 'Check again' }).click()
    await editor(page).waitFor()
    faults.splice(0, faults.length, ...faults.filter((fault) => !/ERR_INTERNET_DISCONNECTED/.test(fault)))
    await close()
  }
})

test('long lines wrap if the user wants it, also after a reload', async () => {
  const { page, close } = await registered()
  await write(page, `print("${'wide '.repeat(100)}")\n`)
  const isWide = () => page.locator('.cm-scroller').evaluate((scroller) => scroller.scrollWidth > scroller.clientWidth)
  assert.equal(await isWide(), true)
  await page.getByRole('button', { name: 'Editor settings' }).click()
  await page.getByRole('menuitemcheckbox', { name: 'Wrap long lines' }).click()
  await page.keyboard.press('Escape')
  await until('the line wraps', async () => !(await isWide()))
  await page.reload()
  await editor(page).waitFor()
  await until('the line wraps again', async () => !(await isWide()))
  await close()
})
