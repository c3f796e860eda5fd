// The terminal of the playground and of a problem's page.

const ROWS = '[data-terminal] .xterm-rows'

/** Opens the terminal's tab, and waits until its script is loaded. */
export async function openTerminal(page) {
  await page.getByRole('tab', { name: 'Terminal' }).click()
  await page.locator(ROWS).waitFor()
}

/** The lines in the terminal's window. xterm.js shows a space as one that does not break. */
export const terminalText = (page) => page.locator(ROWS).innerText().then((text) => text.replaceAll('\u00a0', ' '))

/** Waits until the lines in the terminal's window match this pattern. */
export const terminalShows = (page, pattern) =>
  page.waitForFunction(
    ([rows, source]) => new RegExp(source, 's').test((document.querySelector(rows)?.innerText ?? '').replaceAll('\u00a0', ' ')),
    [ROWS, pattern.source],
  )
