// Runs the browser tests: node e2e/run.mjs [PATTERN]
//
// Five files run at a time, because each waits a part of the time for programs that are being judged. The output of a file is printed when
// the file has ended. The budgets run alone, because they measure.
//
// With CI=true a failed test is run once more, alone, after all others. If it then passes, it is reported as flaky. The run fails if a
// test fails twice, or if more than FLAKY_MAX tests are flaky. `scripts/run-tests` has the same rule for the tests in Rust.
//
// The last lines say how long each file and all of them took.
import { readdirSync } from 'node:fs'
import { run } from 'node:test'
import { tap } from 'node:test/reporters'

const FLAKY_MAX = 2
const AT_A_TIME = 5
/** The files that take longest begin first, in this order. Otherwise, one of them would run alone at the end. */
const LONGEST = ['contests', 'results', 'playground', 'editing', 'steadfast', 'account', 'drafts', 'access', 'failures', 'guests', 'site', 'organizers']
/** The file that measures, and therefore runs alone. */
const MEASURES = 'budgets.test.mjs'

const began = performance.now()
const secondsSince = (then) => ((performance.now() - then) / 1000).toFixed(1)

const here = new URL('.', import.meta.url).pathname
const files = readdirSync(here)
  .filter((name) => name.endsWith('.test.mjs'))
  .sort()
  .map((name) => here + name)

/** Runs the tests of the files whose names match. Returns how many passed, and the failures, each with its name and file. */
async function attempt(files, patterns) {
  let passed = 0
  const failures = []
  const tests = run({ files, concurrency: 1, testNamePatterns: patterns })
  tests.on('test:pass', ({ nesting, skip }) => {
    if (nesting === 0 && skip === undefined) passed += 1
  })
  tests.on('test:fail', ({ nesting, name, file }) => {
    if (nesting === 0) failures.push({ name, file })
  })
  let output = ''
  for await (const part of tests.compose(tap)) output += part
  process.stdout.write(output)
  return { passed, failures }
}

const exactly = (name) => new RegExp(`^${name.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&')}$`)

const pattern = process.argv[2]
let passed = 0
const failures = []
const times = []

/** Runs the files of a queue, one after the other, until the queue is empty. */
async function runQueue(queue) {
  for (let file = queue.shift(); file !== undefined; file = queue.shift()) {
    const fileBegan = performance.now()
    console.log(`# begins: ${file.slice(here.length)}`)
    const found = await attempt([file], pattern === undefined ? undefined : [new RegExp(pattern)])
    times.push(`${secondsSince(fileBegan).padStart(7)} s  ${file.slice(here.length)}`)
    passed += found.passed
    failures.push(...found.failures)
  }
}

const order = [...LONGEST.map((name) => `${here}${name}.test.mjs`), ...files]
const place = (file) => order.indexOf(file)
const measures = (file) => file.endsWith(MEASURES)
const together = files.filter((file) => !measures(file)).sort((a, b) => place(a) - place(b))
await runQueue(files.filter(measures))
await Promise.all(Array.from({ length: AT_A_TIME }, () => runQueue(together)))

const failed = []
const flaky = []
for (const failure of failures) {
  // A file that fails as a whole is reported under its own path.
  const isRepeated = process.env.CI === 'true' && files.includes(failure.file) && failure.name !== failure.file
  if (isRepeated) console.log(`# again: ${failure.name}`)
  const second = isRepeated ? await attempt([failure.file], [exactly(failure.name)]) : undefined
  if (second !== undefined && second.failures.length === 0 && second.passed === 1) flaky.push(failure)
  else failed.push(failure)
}
for (const { name } of flaky) console.log(`FLAKY ${name}: failed, then passed when run alone; fix it in the next change`)
for (const { name } of failed) console.log(`FAILED ${name}`)
if (flaky.length > FLAKY_MAX) console.log(`error: ${flaky.length} tests are flaky; the maximum is ${FLAKY_MAX}`)
if (passed + flaky.length === 0) console.log('error: no test passed')
for (const line of times) console.log(line)
console.log(`${secondsSince(began).padStart(7)} s  in total`)
process.exitCode = failed.length > 0 || flaky.length > FLAKY_MAX || passed + flaky.length === 0 ? 1 : 0
