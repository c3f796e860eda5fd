// The playground in a browser, against the real server: text input, and live terminals that are typed into, resized,
// interrupted, flooded and disconnected.
import assert from 'node:assert/strict'
import { rmSync, statSync } from 'node:fs'
import { after, afterEach, before, test } from 'node:test'
import { chooseLanguage, closeVisits, launch } from './browser.mjs'
import { makeImage } from './image.mjs'
import { call, registered, tokenOf, until } from './people.mjs'
import { startServer } from './server.mjs'
import { longestTask } from './tasks.mjs'
import { openTerminal, terminalShows, terminalText } from './terminal.mjs'

/** Duration of a task from which the page counts as frozen, on the processor of the calibration. */
const FREEZE_MS = 1_000

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

/** Opens the playground for a new user. */
async function player(options) {
  const visitor = await registered(server, browser, { path: '/playground', ...options })
  const { page } = visitor
  await page.getByRole('button', { name: 'Run', exact: true }).waitFor()
  return visitor
}

async function write(page, code) {
  const editor = page.getByRole('textbox', { name: /Source code/ })
  await editor.click()
  await page.keyboard.press('Control+a')
  await page.keyboard.press('Delete')
  await page.keyboard.insertText(code)
}

const choose = chooseLanguage
const press = (page, name) => page.getByRole('button', { name, exact: true }).click()
const verdict = (page, code) => page.locator(`[data-verdict="${code}"]`).waitFor()
const isRunning = (page) => page.locator('[data-phase="running"]').waitFor()

/** Records the page's sockets, so that a test can close one of them. */
async function recordSockets(page) {
  await page.addInitScript(() => {
    const Original = WebSocket
    window.sockets = []
    window.WebSocket = class extends Original {
      constructor(...all) {
        super(...all)
        window.sockets.push(this)
      }
    }
  })
  await page.reload()
}

/** The browser reports refused connections as console errors. They are expected. */
const forgiveLost = (faults) => faults.splice(0, faults.length, ...faults.filter((fault) => !/WebSocket connection|ERR_INTERNET_DISCONNECTED/.test(fault)))

/** Gives programs without a terminal two minutes of real time, of which they may wait one without a pause. */
async function permitLongRuns(page) {
  await page.getByText('Arguments, files and limits').click()
  await page.getByLabel('CPU time in seconds').fill('60')
  await page.getByText('Arguments, files and limits').click()
}

/** Runs the program, and waits for its verdict. Its phases may be shown too briefly to be waited for. */
async function runAnew(page) {
  await page.locator('[data-verdict]').evaluateAll((all) => all.forEach((one) => (one.dataset.old = '')))
  await press(page, 'Run')
  await page.locator('[data-verdict]:not([data-old])').waitFor()
}

const TALK = {
  python: `import os, signal, sys
while True:
    try:
        line = input("say: ")
    except KeyboardInterrupt:
        print("\\ninterrupted")
        break
    if line == "size":
        print("size", os.get_terminal_size().columns)
    else:
        print("heard", line.upper())
`,
  c: `#include <ctype.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
static void stop(int n) { (void)n; write(1, "\\ninterrupted\\n", 13); _exit(0); }
int main(void) {
    char line[100];
    signal(SIGINT, stop);
    for (;;) {
        printf("say: ");
        fflush(stdout);
        if (!fgets(line, sizeof line, stdin)) return 0;
        line[strcspn(line, "\\n")] = 0;
        if (!strcmp(line, "size")) {
            struct winsize w;
            ioctl(0, TIOCGWINSZ, &w);
            printf("size %d\\n", w.ws_col);
        } else {
            for (char *c = line; *c; c++) *c = toupper(*c);
            printf("heard %s\\n", line);
        }
    }
}
`,
  bash: `trap 'echo; echo interrupted; exit 0' INT
while read -r -p "say: " line; do
  if [ "$line" = size ]; then set -- $(stty size); echo "size $2"; else echo "heard \${line^^}"; fi
done
`,
}

test('a language whose toolchain is in an image is offered by the running server, chosen and run', async () => {
  const image = makeImage()
  try {
    server.command('images', 'add', 'zoo/parrot:1', image.layout)
    server.command('languages', 'add', image.language)
  } finally {
    rmSync(image.work, { recursive: true })
  }
  const { page, check, close } = await player()
  // The server looks for new languages every few seconds; the page asks when it is opened.
  const isOffered = () =>
    page.evaluate(async () => (await (await fetch('/api/v1/languages')).json()).languages.some((one) => one.language_id === 'parrot' && one.available))
  await until('the language is offered', isOffered)
  await page.reload()
  await choose(page, 'parrot')
  await write(page, 'Pretty Polly')
  await press(page, 'Run')
  await verdict(page, 'AC')
  await page.getByText('Pretty Polly', { exact: true }).last().waitFor()
  await check('language-of-an-image')
  await close()
})

test('the keyboard stays where it was when a file is deleted, the form for its name is closed, or the panel of the link is closed', async () => {
  const { page, close } = await player()
  await choose(page, 'python')
  await write(page, 'print(1)\n')
  const pressed = async (name) => {
    await page.getByRole('button', { name, exact: true }).focus()
    await page.keyboard.press('Enter')
  }
  const focused = (role, name) => page.waitForFunction(([role, name]) => document.activeElement?.getAttribute('role') === role && document.activeElement.textContent === name, [role, name])
  await pressed('Share')
  await pressed('Make the link')
  // The link takes the place of the button.
  await page.waitForFunction(() => document.activeElement.getAttribute('aria-label') === 'Link to this program')
  await pressed('Close')
  await focused(null, 'Share')
  const field = page.getByLabel('Name of the file')
  await pressed('Add a file')
  await field.press('Escape')
  await focused('tab', 'main.py')
  await pressed('Add a file')
  await field.press('Enter')
  await pressed('Rename this file')
  await field.waitFor()
  await pressed('Cancel')
  await focused('tab', 'file1.py')
  await pressed('Delete this file')
  await focused('tab', 'main.py')
  await close()
})

test('a program of several files runs with arguments and text input, and the draft survives a reload', async () => {
  for (const [theme, width] of [['light', 1280], ['dark', 360]]) {
    const { page, check, close } = await player({ theme, width })
    const isPhone = width < 600
    const result = () => (isPhone ? page.getByRole('tab', { name: 'Input and output' }).click() : undefined)
    await choose(page, 'python')
    await write(page, 'import sys\nfrom helper import twice\nprint(sys.argv[1:], twice(input()))\nprint("on stderr", file=sys.stderr)\nsys.exit(3)\n')
    await press(page, 'Add a file')
    // The name can be typed at once. Its extension stays.
    const name = page.getByLabel('Name of the file')
    assert.equal(await name.inputValue(), 'file1.py')
    await page.keyboard.type('main')
    assert.equal(await name.inputValue(), 'main.py')
    await page.getByRole('button', { name: 'Add', exact: true }).click()
    await page.getByText('Another file has this name.').waitFor()
    // A typed extension replaces the old one.
    await name.evaluate((field) => (field.focus(), field.setSelectionRange(0, 4)))
    await page.keyboard.type('util.txt')
    assert.equal(await name.inputValue(), 'util.txt')
    await page.getByLabel('Name of the file').fill('helper.py')
    await page.keyboard.press('Enter')
    await page.getByRole('tab', { name: 'helper.py' }).waitFor()
    // A file that is deleted while its name is typed leaves no form, which would change the name of another file.
    await press(page, 'Add a file')
    await name.waitFor()
    await press(page, 'Delete this file')
    await name.waitFor({ state: 'detached' })
    await page.getByRole('tab', { name: 'helper.py', selected: true }).waitFor()
    await write(page, 'def twice(text):\n    return text * 2\n')
    await result()
    await page.getByLabel('Text for the program to read').fill('ab\n')
    await page.getByText('Arguments, files and limits').click()
    await page.getByLabel('Arguments', { exact: true }).fill('one "two three"')
    await page.getByLabel('CPU time in seconds').fill('100000')
    await page.getByLabel('CPU time in seconds').blur()
    // A limit that is too high stays, is explained, and is not run.
    assert.equal(await page.getByLabel('CPU time in seconds').inputValue(), '100000')
    await press(page, 'Run')
    await page.getByRole('alert').getByText('CPU time in seconds: At least 0.1 and at most 60 are allowed.').waitFor()
    await page.getByLabel('CPU time in seconds').fill('60')
    await page.getByLabel('Arguments', { exact: true }).fill('one "two three')
    await press(page, 'Run')
    await page.getByRole('alert').getByText('Arguments: A quotation mark is not closed.').waitFor()
    await check('playground-settings')
    await page.getByLabel('Arguments', { exact: true }).fill('one "two three"')
    await press(page, 'Run')
    await verdict(page, 'RTE')
    await page.getByLabel('Output', { exact: true }).getByText("['one', 'two three'] abab").waitFor()
    await page.getByLabel('Standard error').getByText('on stderr').waitFor()
    await page.getByText('Ended with exit code 3').waitFor()
    assert.equal(await page.getByText('Check indexes').count(), 0)
    await page.getByText('CPU time', { exact: true }).waitFor()
    await check('playground-result')
    await page.reload()
    // In a narrow window, the tab with the result is shown again.
    if (width < 900) await page.getByRole('tab', { name: 'Code' }).click()
    await page.getByRole('tab', { name: 'helper.py' }).click()
    await page.getByText('def twice').waitFor()
    await press(page, 'Delete this file')
    await page.getByText('helper.py was deleted.').waitFor()
    await press(page, 'Restore')
    await page.getByText('def twice').waitFor()
    // The notice ends with the next run.
    await press(page, 'Delete this file')
    await page.getByText('helper.py was deleted.').waitFor()
    await press(page, 'Run')
    await page.getByText('helper.py was deleted.').waitFor({ state: 'detached' })
    await close()
  }
})

test('the example program of every language runs at once, without input', async () => {
  const { page, close } = await player()
  const { languages } = await page.evaluate(async () => (await fetch('/api/v1/languages')).json())
  const ids = [
    'python', 'bash', 'c', 'cpp', 'java', 'javascript', 'rust', 'go', 'typescript', 'csharp', 'kotlin', 'ruby', 'php', 'perl', 'haskell', 'scala', 'pascal', 'lua',
    // Dialects: with the example of their base, or their own.
    'c23', 'cpp11', 'cpp20', 'cpp-clang', 'pypy', 'bun', 'deno', 'luajit', 'python2', 'dash', 'ksh', 'zsh',
  ]
  const examples = ids.filter((id) => languages.some((one) => one.language_id === id && one.available))
  assert.ok(examples.includes('python') && examples.includes('c'), `only ${examples}`)
  for (const id of examples) {
    await choose(page, id)
    await press(page, 'Run')
    await verdict(page, 'AC')
    await page.getByLabel('Output', { exact: true }).getByText('Hello, world!').waitFor()
    assert.equal(await page.getByLabel('Standard error').count(), 0, id)
  }
  await close()
})

test('a program that reads more input than there is leads to the input and to the terminal', async () => {
  const { page, close } = await player()
  await page.getByRole('textbox', { name: /Source code/ }).waitFor()
  await write(page, 'input("Name? ")\n')
  await page.getByRole('button', { name: 'Run', exact: true }).click()
  await page.getByText('The program reads more input than there is.').waitFor()
  await close()
})

test('the input and the arguments stay when the language changes', async () => {
  const { page, close } = await player()
  await choose(page, 'python')
  const input = page.getByLabel('Text for the program to read')
  await input.fill('Ada')
  await choose(page, 'c')
  await page.getByText('#include <stdio.h>').waitFor()
  assert.equal(await input.inputValue(), 'Ada')
  await page.reload()
  await page.getByText('#include <stdio.h>').waitFor()
  assert.equal(await input.inputValue(), 'Ada')
  await close()
})

/** A program that writes a picture, a text that claims to be one, and a file that cannot be shown. */
const DRAW = `import struct, zlib
def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
def write(path, data):
    with open(path, "wb") as file:
        file.write(data)
rows = b"".join(b"\\0" + bytes([n * 10, 80, 200]) * 24 for n in range(16))
header = struct.pack(">IIBBBBB", 24, 16, 8, 2, 0, 0, 0)
write("plot.png", b"\\x89PNG\\r\\n\\x1a\\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))
write("broken.png", b"\\x89PNG\\r\\n\\x1a\\n" + b"\\0" * 40)
write("page.png", b"<html><script>document.title = 'taken'</script></html>")
write("drawing.svg", b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>")
write("large.bin", bytes(5 << 20))
`

test('the files that a program leaves behind are listed, pictures are shown, and the others are downloads', async () => {
  const { page, check, close } = await player()
  await page.getByText('Arguments, files and limits').click()
  const patterns = page.getByLabel('Output files to keep')
  await patterns.fill('../secret')
  await page.getByText('Use relative patterns').waitFor()
  await patterns.fill('*.none')
  await write(page, DRAW)
  await press(page, 'Run')
  await verdict(page, 'AC')
  await page.getByText('The program left no new or changed file that matches *.none.').waitFor()
  await patterns.fill('*.png *.svg *.bin')
  await press(page, 'Run')
  const files = page.getByRole('region', { name: 'Files', exact: true }).getByRole('listitem')
  await page.getByRole('img', { name: 'Picture plot.png' }).waitFor()
  await page.getByText('This picture cannot be shown').waitFor()
  // The settings are open, and the files are nevertheless in sight.
  await page.getByLabel('CPU time in seconds').waitFor()
  const [region, height] = [await page.getByRole('region', { name: 'Files', exact: true }).boundingBox(), page.viewportSize().height]
  assert.ok(region.y < height - 160 && region.y + region.height > 160, `the files are at ${region.y}, ${region.height} px high`)
  const lines = (await files.allInnerTexts()).map((text) => text.split('\n').slice(0, 2).join(' '))
  assert.match(lines.pop(), /^plot\.png png · \d+ B$/)
  assert.deepEqual(lines, ['broken.png png · 48 B', 'drawing.svg text · 71 B', 'large.bin 5 MiB', 'page.png text · 54 B'])
  const sizes = () => page.getByRole('img').evaluateAll((all) => all.map((one) => [one.naturalWidth, one.naturalHeight]))
  await until('the picture is decoded', async () => (await sizes()).every(([width]) => width > 0))
  assert.deepEqual(await sizes(), [[24, 16]])
  await page.getByText('Not kept: larger than 4 MiB').waitFor()
  for (const [name, length] of [['page.png', 54], ['drawing.svg', 71], ['plot.png', undefined]]) {
    const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('link', { name: `Download ${name}`, exact: true }).click()])
    assert.equal(download.suggestedFilename(), name)
    if (length !== undefined) assert.equal(statSync(await download.path()).size, length)
  }
  assert.match(page.url(), /\/playground$/, 'no file was opened as a page')
  await check('playground-files')
  await page.reload()
  await page.getByText('Arguments, files and limits').click()
  assert.equal(await patterns.inputValue(), '*.png *.svg *.bin')
  await close()
})

test('a compiler message links to its line', async () => {
  const { page, check, close } = await player()
  await choose(page, 'c')
  await write(page, 'int main(void) {\n  undeclared_thing;\n}\n')
  await press(page, 'Run')
  await verdict(page, 'CE')
  await check('playground-compiler')
  await page.getByRole('button', { name: /main\.c:2/ }).first().click()
  await page.keyboard.press('Home')
  await page.keyboard.insertText('//')
  await page.getByText(/\/\/ *undeclared_thing/).waitFor()
  await close()
})

for (const language of ['python', 'c', 'bash']) {
  test(`a ${language} program in the terminal gets input, a new window size and an interrupt`, async () => {
    const { page, check, close } = await player()
    await choose(page, language)
    await write(page, TALK[language])
    await openTerminal(page)
    await press(page, 'Run')
    await terminalShows(page, /say: /)
    await page.keyboard.type('hello é\n')
    await terminalShows(page, /say: hello é\s+heard HELLO/)
    // The plain text has the same lines, gets further output, and does not change the size of the window.
    const asText = page.getByLabel('Show as plain text')
    await asText.check()
    const log = page.getByRole('log', { name: 'Content of the terminal as plain text' })
    await log.getByText('say: hello é').waitFor()
    await check(`playground-terminal-text-${language}`)
    await asText.uncheck()
    await log.waitFor({ state: 'detached' })
    await page.getByRole('textbox', { name: /Terminal of the program/ }).focus()
    const columns = async (before) => {
      await page.keyboard.type('size\n')
      const asked = new RegExp(`size\\s+size (?!${before}\\b)\\d+`)
      await terminalShows(page, asked)
      const text = await terminalText(page)
      return Number([...text.matchAll(/size (\d+)/g)].at(-1)[1])
    }
    const wide = await columns(0)
    const width = await page.evaluate(() => document.querySelector('.xterm-screen').clientWidth)
    await page.setViewportSize({ width: 1000, height: 700 })
    await page.waitForFunction((before) => document.querySelector('.xterm-screen').clientWidth < before, width)
    await page.getByRole('textbox', { name: /Terminal of the program/ }).focus()
    const narrow = await columns(wide)
    assert.ok(narrow > 10 && narrow < wide, `${narrow} of ${wide} columns`)
    await check(`playground-terminal-${language}`)
    await page.keyboard.press('Control+c')
    await verdict(page, 'AC')
    await terminalShows(page, /interrupted/)
    // Shift-Tab leaves the terminal. The program gets every other key.
    await page.keyboard.press('Shift+Tab')
    assert.equal(await page.evaluate(() => document.activeElement.closest('[data-terminal]')), null)
    await close()
  })
}

test('a program continues while its page is reloaded, and the page then shows all of its output', async () => {
  const { page, close } = await player()
  await choose(page, 'python')
  await write(page, 'print("begun", flush=True)\nname = input("say: ")\nprint("heard", name.upper())\n')
  await openTerminal(page)
  await press(page, 'Run')
  await terminalShows(page, /begun\s+say: /)
  await page.keyboard.type('ab')
  await terminalShows(page, /say: ab/)
  await page.reload()
  await terminalShows(page, /begun\s+say: ab/)
  await isRunning(page)
  await page.getByRole('textbox', { name: /Terminal of the program/ }).focus()
  await page.keyboard.type('c\n')
  await terminalShows(page, /heard ABC/)
  await verdict(page, 'AC')
  // A run that has ended is neither run nor shown again.
  await page.reload()
  await page.getByText('Run a program to see its output.').waitFor()

  await page.getByRole('tab', { name: 'Text' }).click()
  await permitLongRuns(page)
  await write(page, 'import signal\nprint("once", flush=True)\nsignal.pause()\n')
  await press(page, 'Run')
  await page.getByLabel('Output', { exact: true }).getByText('once').waitFor()
  await page.reload()
  await page.getByLabel('Output', { exact: true }).getByText('once').waitFor()
  assert.equal((await page.getByLabel('Output', { exact: true }).innerText()).trim(), 'once')
  await press(page, 'Stop')
  await verdict(page, 'CANCELLED')
  await page.getByText('Stopped by you').waitFor()
  await close()
})

test('after a reload, the terminal does not answer again what a program has asked before', async () => {
  const { page, close } = await player()
  await choose(page, 'python')
  const asks = `import sys, tty
tty.setcbreak(0)
def ask(query, end):
    print(query, end="", flush=True)
    answer = ""
    while not answer.endswith(end):
        answer += sys.stdin.read(1)
    return answer
for query, end in (("\\x1b[6n", "R"), ("\\x1b[c", "c"), ("\\x1b[?25$p", "y"), ("\\x1bP$qm\\x1b\\\\", "\\x1b\\\\")):
    ask(query, end)
print("answered", flush=True)
print(repr(ask("", "\\n")), flush=True)
print(repr(ask("\\x1b[5n", "n")), flush=True)
`
  await write(page, asks)
  await openTerminal(page)
  await press(page, 'Run')
  await terminalShows(page, /answered/)
  await page.reload()
  await terminalShows(page, /answered/)
  await isRunning(page)
  await page.getByRole('textbox', { name: /Terminal of the program/ }).focus()
  await page.keyboard.type('x\n')
  await terminalShows(page, /answered\s+'x\\n'\s+'\\x1b\[0n'/)
  await verdict(page, 'AC')
  await close()
})

test('the box of the output follows the end of a running program\'s output, unless the reader has scrolled up', async () => {
  const { page, close } = await player()
  await choose(page, 'python')
  await page.getByRole('tab', { name: 'Text' }).click()
  await permitLongRuns(page)
  await write(page, 'import time\nn = 0\nwhile True:\n    n += 1\n    print("line", n, flush=True)\n    time.sleep(0.02)\n')
  await press(page, 'Run')
  const box = page.getByLabel('Output', { exact: true })
  await box.waitFor()
  const lines = () => box.evaluate((one) => one.innerText.trimEnd().split('\n').length)
  const place = () => box.evaluate(({ scrollTop, clientHeight, scrollHeight }) => ({ scrollTop, rest: scrollHeight - clientHeight - scrollTop }))
  const more = async (count) => {
    const from = await lines()
    await until('more output', async () => (await lines()) >= from + count)
  }
  await until('output that scrolls', async () => (await place()).scrollTop > 0)
  await more(20)
  await until('the end of the output', async () => (await place()).rest < 24)
  await box.evaluate((one) => (one.scrollTop = 10))
  await more(20)
  assert.equal((await place()).scrollTop, 10)
  await box.evaluate((one) => (one.scrollTop = one.scrollHeight))
  await more(20)
  await until('the end of the output', async () => (await place()).rest < 24)
  await press(page, 'Stop')
  await verdict(page, 'CANCELLED')
  await close()
})

test('a reader who scrolls to the end while output arrives follows it again', async () => {
  const { page, close } = await player()
  await choose(page, 'python')
  await page.getByRole('tab', { name: 'Text' }).click()
  await permitLongRuns(page)
  await write(page, 'import time\nn = 0\nwhile True:\n    n += 1\n    print("line", n, flush=True)\n    time.sleep(0.02)\n')
  await press(page, 'Run')
  const box = page.getByLabel('Output', { exact: true })
  await box.waitFor()
  const lines = () => box.evaluate((one) => one.innerText.trimEnd().split('\n').length)
  const rest = () => box.evaluate(({ scrollTop, clientHeight, scrollHeight }) => scrollHeight - clientHeight - scrollTop)
  await until('output that scrolls', async () => (await box.evaluate((one) => one.scrollTop)) > 0)
  await box.evaluate((one) => (one.scrollTop = 10))
  await until('an end out of view', async () => (await rest()) > 100)
  // Output that arrives from now on is collected, as in a slow browser.
  await page.evaluate(() => {
    window.held = []
    window.frame = requestAnimationFrame
    window.requestAnimationFrame = (act) => window.held.push(act)
  })
  await until('several lines', () => page.evaluate(() => window.held.length > 10))
  // The reader scrolls to the end, and the output is shown before the browser has reported it.
  await box.evaluate((one) => {
    window.requestAnimationFrame = window.frame
    return new Promise((done) =>
      requestAnimationFrame((now) => {
        one.scrollTop = one.scrollHeight
        for (const act of window.held) act(now)
        done()
      }),
    )
  })
  const from = await lines()
  await until('more output', async () => (await lines()) >= from + 20)
  await until('the end of the output', async () => (await rest()) < 24)
  await press(page, 'Stop')
  await verdict(page, 'CANCELLED')
  await close()
})

test('Run and Stop keep the focus while and after a program runs', async () => {
  const { page, close } = await player()
  await choose(page, 'python')
  await page.getByRole('tab', { name: 'Text' }).click()
  await permitLongRuns(page)
  const [run, stop] = ['Run', 'Stop'].map((name) => page.getByRole('button', { name, exact: true }))
  const hasFocus = (button) => button.evaluate((element) => element === document.activeElement)
  await write(page, 'print(1)\n')
  await run.press('Space')
  await verdict(page, 'AC')
  await stop.and(page.locator('[aria-disabled]')).waitFor()
  assert.ok(await hasFocus(run))
  await write(page, 'import time\nprint("begun", flush=True)\ntime.sleep(50)\n')
  await run.press('Space')
  await page.getByText('begun', { exact: true }).waitFor()
  assert.ok(await hasFocus(run))
  // A key on the disabled button starts nothing.
  assert.equal(await run.isDisabled(), true)
  await page.keyboard.press('Space')
  await stop.press('Enter')
  await verdict(page, 'CANCELLED')
  assert.ok(await hasFocus(stop))
  assert.equal(await stop.isDisabled(), true)
  await close()
})

test('in a window of 180 px, the tabs scroll sideways, and the chosen tab is in view', async () => {
  const { page, check, close } = await player({ width: 360 })
  await page.setViewportSize({ width: 180, height: 700 })
  for (const name of ['Input and output', 'Code']) {
    await page.getByRole('tab', { name }).click()
    const tab = await page.getByRole('tab', { name }).boundingBox()
    assert.ok(tab.x >= 0 && tab.x + Math.min(tab.width, 90) <= 180, `${name} is at ${tab.x}`)
    await check(`playground-180-${name === 'Code' ? 'code' : 'result'}`)
  }
  await close()
})

test('Stop interrupts a program and then ends it; meanwhile it is Kill now, which ends it at once', async () => {
  const { page, close } = await player()
  await choose(page, 'python')
  await write(page, 'import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\nprint("ignores one")\nwhile True:\n    signal.pause()\n')
  await openTerminal(page)
  await press(page, 'Run')
  await terminalShows(page, /ignores one/)
  // The message is shown for two seconds, so the page itself waits for it, from before the click.
  const isAsked = page.waitForFunction(() => document.body.innerText.includes('The program was asked to end.'))
  await press(page, 'Stop')
  await isAsked
  await verdict(page, 'RTE')
  await page.getByText('Ended by signal 15').waitFor()
  await page.getByText('Stopped', { exact: true }).waitFor()
  assert.equal(await page.getByText('Runtime error').count(), 0, 'what the user ended is no crash')
  await write(page, 'import signal\nfor one in (signal.SIGINT, signal.SIGTERM):\n    signal.signal(one, signal.SIG_IGN)\nprint("ignores both")\nwhile True:\n    signal.pause()\n')
  await press(page, 'Run')
  await terminalShows(page, /ignores both/)
  await press(page, 'Stop')
  await press(page, 'Kill now')
  await verdict(page, 'CANCELLED')
  await page.getByText('Stopped by you').waitFor()
  // Ctrl-C in the terminal.
  await write(page, 'print("ready")\ninput()\n')
  await press(page, 'Run')
  await terminalShows(page, /ready/)
  await page.keyboard.press('Control+c')
  await verdict(page, 'RTE')
  await page.getByText('Stopped', { exact: true }).waitFor()
  await close()
})

test('a program that sleeps until the wall-clock limit is not said to need CPU time, and its lost output is explained', async () => {
  const { page, close } = await player()
  await choose(page, 'python')
  // The limit is half a minute, so the test changes the result instead of waiting.
  await page.route(/\/api\/v1\/submissions\//, async (route) => {
    const answer = await route.fetch()
    const result = await answer.json()
    await route.fulfill({ response: answer, json: { ...result, verdict: 'TLE', execution_time_ms: 20, wall_time_ms: result.limits.wall_time_ms + 9 } })
  })
  await write(page, 'import os\nprint("in the buffer")\nos._exit(0)\n')
  await press(page, 'Run')
  await verdict(page, 'TLE')
  await page.getByText('The program waited too long: at most 30 s of real time are allowed').waitFor()
  assert.equal(await page.getByText('more CPU time than allowed').count(), 0)
  await page.getByText('30.01 s / 30 s').waitFor()
  await page.getByText('If the program printed something').waitFor()
  await close()
})

test('hostile output is shown safely, and the page stays usable', async (t) => {
  const { page, check, close } = await player()
  await choose(page, 'python')
  await openTerminal(page)
  // Control sequences that request answers, or set the title, the clipboard, links or colours; and bytes that are not
  // valid text.
  await write(
    page,
    String.raw`import sys, os
out = sys.stdout.buffer
out.write(b"\x1b]0;owned\x07\x1b]52;c;b3duZWQ=\x07\x1b]8;;https://evil.example\x07click\x1b]8;;\x07\x1b[6n\x1b[c")
out.write(b"\x1b[38;2;1;2;3m truecolor \x1b[48;5;200m palette \x1b[0m\xff\xfe\x80\x00\x1b[4;9;53mlines\x1b[0m")
out.write("\u202eoverride\u202c".encode())
out.write(b"\x1b[?1049h\x1b[999;999H\x1b[?1049l<script>alert(1)</script>\r\nsafe\r\n")
out.flush()
`,
  )
  await press(page, 'Run')
  await verdict(page, 'AC')
  await terminalShows(page, /<script>alert\(1\)<\/script>\s+safe/)
  assert.equal(await page.title(), 'Playground · Cupel')
  await check('playground-hostile')
  await write(page, 'import sys\nfor n in range(50):\n    sys.stdout.write("x" * (1 << 20))\nsys.stdout.write("\\nend\\n")\n')
  // The page answers while the output arrives: no task takes as long as a person notices as a freeze.
  const { longestMs } = await longestTask(browser, page, server.url, () => runAnew(page))
  t.diagnostic(`50 MB of output: longest task ${longestMs.toFixed(0)} ms`)
  assert.ok(longestMs < FREEZE_MS, `the page froze for ${longestMs.toFixed(0)} ms`)
  await page.getByRole('tab', { name: 'Text' }).click()
  await runAnew(page)
  await page.getByText('This text was cut off.').waitFor()
  const saved = page.waitForEvent('download')
  await page.getByRole('button', { name: 'Download the output' }).click()
  assert.equal((await saved).suggestedFilename(), 'output.txt')
  assert.equal(await page.getByText('this page was too slow').count(), 0)
  await close()
})

/** Answers the page's next start itself. Returns a function that sends the page an event of that run. */
async function pretendRun(page) {
  let seq = 0
  let send
  const begun = new Promise((resolve) => {
    void page.routeWebSocket('**/api/v1/live*', (socket) => {
      const says = (message) => socket.send(JSON.stringify({ run: 'r', ...message }))
      send = (event, data) => says({ type: 'event', event, data: { seq: event === 'gap' ? seq : (seq += 1), ...data } })
      socket.onMessage((text) => {
        if (JSON.parse(text).type !== 'start') return
        says({ type: 'accepted' })
        says({ type: 'input', seq: 0, bytes: 0, consumed_seq: 0, consumed_bytes: 0 })
        resolve()
      })
    })
  })
  return async (...event) => {
    await begun
    send(...event)
  }
}

test('after output was lost on the way to the page, the terminal shows the following text, also if an escape sequence was cut', async () => {
  const { page, close } = await player()
  await choose(page, 'python')
  await write(page, 'input()\n')
  await openTerminal(page)
  const send = await pretendRun(page)
  await press(page, 'Run')
  await send('test.start', {})
  await send('output', { stream: 'stdout', text: 'before\r\n\x1bPq#0;2;0;0;0' })
  await send('gap', {})
  await send('output', { stream: 'stdout', text: 'after' })
  await terminalShows(page, /before\s+after/)
  await page.getByText('Some output is missing', { exact: false }).waitFor()
  await close()
})

test('while the terminal is being loaded, the newest output is kept, and the page says how much was omitted', async () => {
  const { page, close } = await player()
  await choose(page, 'python')
  await write(page, 'input()\n')
  await openTerminal(page)
  let load
  const isSent = new Promise((resolve) => {
    load = resolve
  })
  await page.route(/\/assets\/Terminal-[^/]*\.js$/, async (route) => {
    await isSent
    await route.continue()
  })
  await page.reload()
  const send = await pretendRun(page)
  await page.getByText('input()').waitFor()
  await press(page, 'Run')
  for (let line = 1; line <= 1_500; line += 1) await send('output', { stream: 'stdout', text: `line ${line}\r\n` })
  await page.getByText('of output were omitted', { exact: false }).waitFor()
  assert.equal(await page.locator('[data-terminal]').count(), 0, 'the terminal is not loaded')
  load()
  await terminalShows(page, /line 1499\s+line 1500/)
  await close()
})

test('on a phone, a finger scrolls the terminal, and its view is at the end after Code was shown, after Back and after a reload', async () => {
  const { page, context, close } = await player({ width: 360 })
  await choose(page, 'python')
  await write(page, 'for n in range(60):\n    print("line", n)\ninput("Your guess? ")\n')
  const result = page.getByRole('tab', { name: 'Input and output' })
  await result.click()
  await openTerminal(page)
  await press(page, 'Run')
  await terminalShows(page, /Your guess\?/)
  const touch = await context.newCDPSession(page)
  const { x, y, height } = await page.locator('[data-terminal]').boundingBox()
  const drag = async (from, to) => {
    const at = (share) => [{ x: x + 100, y: y + height * (from + (to - from) * share) }]
    await touch.send('Input.dispatchTouchEvent', { type: 'touchStart', touchPoints: at(0) })
    for (let step = 1; step <= 10; step += 1) await touch.send('Input.dispatchTouchEvent', { type: 'touchMove', touchPoints: at(step / 10) })
    await touch.send('Input.dispatchTouchEvent', { type: 'touchEnd', touchPoints: [] })
  }
  // On a slow machine, the browser takes a finger that does not move at once for a long press.
  for (let drags = 0; drags < 40 && !/^\s*line 0\s+line 1\s/.test(await terminalText(page)); drags += 1) await drag(0.1, 0.9)
  await terminalShows(page, /^\s*line 0\s+line 1\s/)
  for (let drags = 0; drags < 40 && !/Your guess\?/.test(await terminalText(page)); drags += 1) await drag(0.9, 0.1)
  await terminalShows(page, /Your guess\?/)

  const isShown = () => page.waitForFunction(() => document.getElementById('tab-result')?.getAttribute('aria-selected') === 'true')
  const open = async () => {
    await isShown()
    await isRunning(page)
    await terminalShows(page, /line 59\s+Your guess\?/)
  }
  await page.getByRole('tab', { name: 'Code' }).click()
  await result.click()
  await open()
  await page.getByRole('link', { name: 'Contests', exact: true }).click()
  await page.getByRole('heading', { name: 'Contests', exact: true }).waitFor()
  await page.goBack()
  await open()
  await page.reload()
  await open()
  // Each tab is a step of the history, as on a problem's page. A new visit shows the program in progress.
  await page.goBack()
  await page.getByRole('tab', { name: 'Code', selected: true }).waitFor()
  await page.goBack()
  await isShown()
  await page.getByRole('link', { name: 'Contests', exact: true }).click()
  await page.getByRole('heading', { name: 'Contests', exact: true }).waitFor()
  await page.getByRole('link', { name: 'Playground', exact: true }).click()
  await open()
  // A program that waits for input would occupy its slot after the window is closed.
  await press(page, 'Ctrl D')
  await verdict(page, 'RTE')
  await close()
})

test('on a phone, the terminal has buttons for keys that phones lack', async () => {
  const { page, check, close } = await player({ width: 360 })
  await choose(page, 'bash')
  await write(page, TALK.bash)
  await page.getByRole('tab', { name: 'Input and output' }).click()
  await openTerminal(page)
  await press(page, 'Run')
  await terminalShows(page, /say: /)
  await page.keyboard.type('hi\n')
  await terminalShows(page, /heard HI/)
  await check('playground-terminal')
  // In landscape, above the on-screen keyboard.
  await page.setViewportSize({ width: 740, height: 180 })
  await page.keyboard.type('low\n')
  await terminalShows(page, /heard LOW/)
  const key = await page.getByRole('button', { name: 'Ctrl C' }).boundingBox()
  assert.ok(key.y >= 0 && key.y + key.height <= 181, `the keys are at ${key.y} of 180 px`)
  await press(page, 'Ctrl C')
  await verdict(page, 'AC')
  await close()
})

test('on a phone, fields have 16 px, targets 40 px, and the editor has buttons for keys and symbols', async () => {
  const { page, close } = await player({ width: 360 })
  await write(page, '')
  const inEditor = (read) => page.evaluate((source) => new Function('scroller', `return ${source}`)(document.querySelector('[data-editor]').shadowRoot.querySelector('.cm-scroller')), read)
  const code = () => inEditor("scroller.querySelector('.cm-content').innerText")
  await press(page, 'Tab: indent')
  for (const symbol of ['\\', '^', '~', '@', '$']) await press(page, symbol)
  assert.equal(await code(), '    \\^~@$')
  await press(page, 'Cursor left')
  await press(page, '#')
  assert.equal(await code(), '    \\^~@#$')
  await press(page, 'Undo')
  await until('the change is reverted', async () => !(await code()).includes('#'))
  await page.keyboard.press('End')
  await page.keyboard.insertText(' a long line'.repeat(12))
  await until('the editor is scrolled', async () => (await inEditor('scroller.scrollLeft')) > 100)
  await page.keyboard.press('Enter')
  await until('the editor is scrolled back', async () => (await inEditor('scroller.scrollLeft')) === 0)
  const small = () =>
    page.evaluate(() =>
      [...document.querySelectorAll('a, button, input, textarea, summary, [role=tab], label:has(input)')]
        .filter((one) => one.checkVisibility() && (one.tagName === 'LABEL' || one.closest('label') === null) && !one.matches('.sr-only') && one.closest('header') === null)
        .map((one) => ({ name: one.getAttribute('aria-label') ?? one.innerText, box: one.getBoundingClientRect(), size: getComputedStyle(one).fontSize, isField: one.matches('input:not([type=checkbox]), textarea') }))
        .filter(({ box, size, isField }) => box.width < 40 || box.height < 40 || (isField && size !== '16px'))
        .map(({ name, box, size }) => `${name}: ${box.width} x ${box.height}, ${size}`),
    )
  assert.deepEqual(await small(), [])
  assert.equal(await inEditor('getComputedStyle(scroller).fontSize'), '16px')
  const toolbar = await page.getByLabel('Language', { exact: true }).first().boundingBox()
  const last = await page.getByRole('button', { name: 'Editor settings' }).boundingBox()
  assert.ok(Math.abs(last.y - toolbar.y) < 8, 'the toolbar has one row')
  await page.getByRole('tab', { name: 'Input and output' }).click()
  await page.getByText('Arguments, files and limits').click()
  assert.deepEqual(await small(), [])
  await openTerminal(page)
  assert.deepEqual((await small()).filter((one) => !one.startsWith('Terminal of the program')), [])
  await close()
})

test('after a file was named, its text can be typed at once, and a message leads to the file that it names', async () => {
  const { page, close } = await player()
  const add = async (name, text) => {
    await press(page, 'Add a file')
    await page.getByLabel('Name of the file').fill(name)
    await page.keyboard.press('Enter')
    await page.getByRole('tab', { name, selected: true }).waitFor()
    // The editor is in a shadow root.
    await page.waitForFunction(() => document.activeElement?.shadowRoot?.activeElement?.classList.contains('cm-content') === true)
    await page.keyboard.insertText(text)
  }
  /** Runs the program from its main file, and follows a link of its result to a file and a line. */
  const follow = async (main, code, link, name, text) => {
    await page.getByRole('tab', { name: main }).click()
    await press(page, 'Run')
    await verdict(page, code)
    await page.getByRole('button', { name: link }).first().click()
    await page.getByRole('tab', { name, selected: true }).waitFor()
    await page.locator('.cm-activeLine').filter({ hasText: text }).waitFor()
  }
  await choose(page, 'cpp')
  await write(page, '#include "my.h"\nint main() { return two(); }\n')
  await add('my.h', '// two\nint two() { return q; }')
  await follow('main.cpp', 'CE', /^my\.h:\d+:/, 'my.h', 'return q')

  await choose(page, 'python')
  await write(page, 'import helper\nprint(helper.half(0))\n')
  await add('helper.py', 'def half(n):\n    return 1 / n')
  await follow('main.py', 'RTE', '(helper.py, line 2)', 'helper.py', 'return 1 / n')
  await close()
})

test('on a phone, the tab of the current file is in view, Cancel takes back an added file, and a result covers no field', async () => {
  const { page, close } = await player({ width: 360 })
  for (const name of ['first_helper.py', 'second_helper.py', 'third_helper.py', undefined]) {
    await press(page, 'Add a file')
    if (name === undefined) {
      await press(page, 'Cancel')
      continue
    }
    await page.getByLabel('Name of the file').fill(name)
    await page.keyboard.press('Enter')
  }
  const tab = page.getByRole('tab', { name: 'third_helper.py', selected: true })
  await page.getByRole('tab', { name: /helper/ }).nth(2).click()
  assert.equal(await page.getByRole('tab', { name: /\.py$/ }).count(), 4)
  const [place, list] = [await tab.boundingBox(), await page.getByRole('tablist', { name: 'Files' }).boundingBox()]
  assert.ok(place.x >= list.x && place.x + place.width <= list.x + list.width + 1, `the tab is at ${JSON.stringify(place)} in ${JSON.stringify(list)}`)
  await page.getByRole('tab', { name: 'main.py' }).click()
  await write(page, 'print(input())')
  await press(page, 'Run')
  await verdict(page, 'RTE')
  await page.setViewportSize({ width: 360, height: 400 })
  const field = page.getByLabel('Text for the program to read')
  await field.tap()
  await page.keyboard.type('seen')
  const isReached = await field.evaluate((one) => {
    const { left, top, width, height } = one.getBoundingClientRect()
    return [0.1, 0.5, 0.9].every((share) => document.elementFromPoint(left + width / 2, top + height * share) === one)
  })
  assert.ok(isReached, 'something covers the field')
  await close()
})

test('in a low window, the terminal keeps eight lines, Run stays in reach, and nothing scrolls sideways', async () => {
  for (const [width, height] of [[1280, 400], [740, 360], [360, 740], [360, 400]]) {
    const { page, close } = await player({ width, touch: width < 900 })
    await page.setViewportSize({ width, height })
    const isNarrow = width < 900
    const isSound = async (what) => {
      const size = `${what}, ${width} x ${height}`
      const over = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth)
      assert.ok(over <= 0, `${size}: ${over} px wider than the window`)
      const run = await page.getByRole('button', { name: 'Run', exact: true }).boundingBox()
      assert.ok(run.y >= 0 && run.y + run.height <= height && run.x + run.width <= width, `${size}: Run is out of sight: ${JSON.stringify(run)}`)
    }
    await isSound('code')
    const editor = await page.locator('[data-editor]').boundingBox()
    assert.ok(editor.height >= 120, `${width} x ${height}: the editor has ${editor.height} px`)
    await choose(page, 'python')
    await write(page, 'for n in range(20):\n    print("line", n)\ninput("last? ")\n')
    if (isNarrow) await page.getByRole('tab', { name: 'Input and output' }).click()
    await openTerminal(page)
    const isHigh = async (what) => {
      await isSound(what)
      const terminal = await page.locator('[data-terminal]').boundingBox()
      assert.ok(terminal.height >= 120, `${what}, ${width} x ${height}: the terminal has ${terminal.height} px`)
    }
    await isHigh('terminal')
    await page.getByText('Arguments, files and limits').click()
    await isHigh('settings')
    await press(page, 'Run')
    await terminalShows(page, /line 19\s+last\?/)
    await isHigh('running')
    // The whole terminal is between the top of its column and the state of the run.
    const [top, bottom] = await page.evaluate(() => [document.querySelector('[data-console]').getBoundingClientRect().top, document.querySelector('[data-phase]').getBoundingClientRect().top])
    const terminal = await page.locator('[data-terminal]').boundingBox()
    assert.ok(terminal.y >= top && terminal.y + terminal.height <= bottom + 1, `${width} x ${height}: the terminal is at ${terminal.y}, ${terminal.height} px high, in ${top} to ${bottom}`)
    await page.keyboard.type('\n')
    await verdict(page, 'AC')
    await isHigh('ended')
    await close()
  }
})

test('a lost connection is restored, and no output or input is lost or repeated', async () => {
  const { page, context, close, faults } = await player()
  await recordSockets(page)
  await choose(page, 'python')
  await write(page, 'import time\nprint("name?")\nname = input()\nfor n in range(20):\n    print("tick", n, flush=True)\n    time.sleep(0.05)\nprint("bye", name)\n')
  await openTerminal(page)
  await press(page, 'Run')
  await terminalShows(page, /name\?/)
  await context.setOffline(true)
  await page.evaluate(() => window.sockets.at(-1).close())
  await page.getByText('The connection was lost; reconnecting. The program continues').waitFor()
  await page.keyboard.type('Ada\n')
  await context.setOffline(false)
  await verdict(page, 'AC')
  await page.getByText('The connection was lost and is restored. No output is missing.').waitFor()
  await terminalShows(page, /tick 0\s+tick 1\s+tick 2\s+.*tick 18\s+tick 19\s+bye Ada\s*$/)
  forgiveLost(faults)
  await close()
})

test('without a connection, Stop ends a run that was not sent, and says that a program in progress is stopped later', async () => {
  const { page, context, close, faults, name } = await player()
  await recordSockets(page)
  await choose(page, 'python')
  await write(page, 'import signal\nprint("begun", flush=True)\nsignal.pause()\n')
  await context.setOffline(true)
  await press(page, 'Run')
  await page.getByText('The program starts when the connection is back.', { exact: false }).waitFor()
  await press(page, 'Stop')
  await page.getByText('Run a program to see its output.').waitFor()
  await context.setOffline(false)
  await press(page, 'Run')
  await page.getByLabel('Output', { exact: true }).getByText('begun').waitFor()
  // The server has only the second run.
  const { submissions } = await call(server, tokenOf(server, name), 'GET', '/submissions')
  assert.equal(submissions.length, 1)
  await context.setOffline(true)
  await page.evaluate(() => window.sockets.at(-1).close())
  await page.getByText('The connection was lost; reconnecting. The program continues').waitFor()
  await press(page, 'Stop')
  await page.getByText('The program is stopped when the connection is back.').waitFor()
  await context.setOffline(false)
  await verdict(page, 'CANCELLED')
  forgiveLost(faults)
  await close()
})

test('after a restart of the server, the page reconnects and shows the result of the run', async () => {
  const { page, close, faults, check } = await player()
  await choose(page, 'python')
  await write(page, 'print("first?")\nprint("heard", input())\nprint("second?")\nprint("heard", input())\n')
  await openTerminal(page)
  await press(page, 'Run')
  await terminalShows(page, /first\?/)
  await page.keyboard.type('one\n')
  await terminalShows(page, /heard one\s+second\?/)
  await server.kill()
  await page.getByText('The connection was lost; reconnecting. The program continues').waitFor()
  await page.keyboard.type('two\n')
  await check('playground-reconnecting')
  await server.again()
  await verdict(page, 'JE')
  // The four bytes that were typed without a connection, and earlier bytes that the server had not yet confirmed.
  await page.getByText(/^[4-8] B of your input did not reach the program\.$/).waitFor()
  assert.equal(await page.getByText('No output is missing.').count(), 0)
  await terminalShows(page, /first\?\s+one\s+heard one\s+second\?/)
  await check('playground-restarted')
  // The page works as before.
  await press(page, 'Run')
  await terminalShows(page, /first\?\s*$/)
  await page.keyboard.type('again\n')
  await terminalShows(page, /heard again/)
  await press(page, 'Stop')
  await verdict(page, 'RTE')
  await page.getByText('Stopped', { exact: true }).waitFor()
  faults.splice(0, faults.length, ...faults.filter((fault) => !/WebSocket connection|ERR_CONNECTION_REFUSED|ERR_CONNECTION_RESET|ERR_EMPTY_RESPONSE/.test(fault)))
  await close()
})
