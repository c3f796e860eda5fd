// A task of fixed work, against which the tasks of the site are measured, so that a slow machine changes both.
//
// Its work is like the site's: parsing and running functions that have not run before, and making, styling and placing elements.

const FUNCTIONS = 400
const ROWS = 40

/** CPU time of the calibration in milliseconds on the processor that the budgets of tasks refer to. */
export const REFERENCE_MS = 25

/** The script of the task. Each `number` makes it a different text, because the browser caches parsed scripts. */
export const calibration = (number) => `(() => {
  let sum = ${number}
  ${Array.from({ length: FUNCTIONS }, (_, at) => `function f${at}(a) { const o = { a, b: [a, ${at}, ${number}], c: String(a) }; return o.b.map((n) => n + o.c.length).reduce((x, y) => x + y, 0) }`).join('\n')}
  ${Array.from({ length: FUNCTIONS }, (_, at) => `sum += f${at}(sum % 1000)`).join('\n')}
  const place = document.createElement('div')
  for (let row = 0; row < ${ROWS}; row += 1) {
    const line = document.createElement('div')
    line.className = 'grid min-h-10 items-stretch border-b border-border'
    for (let cell = 0; cell < 8; cell += 1) {
      const made = document.createElement('span')
      made.className = 'figure flex items-center justify-center px-1'
      made.textContent = String(sum + row * cell)
      line.append(made)
    }
    place.append(line)
  }
  document.body.append(place)
  const height = place.getBoundingClientRect().height
  place.remove()
  return sum + height
})()`
