// The terminal's colours: the page's colour variables, and 16 colours that are legible in the light and the dark theme.
import type { ITheme } from '@xterm/xterm'

const NAMES = ['black', 'red', 'green', 'yellow', 'blue', 'magenta', 'cyan', 'white'] as const
/** Hues by name. Lightness and chroma are those of the page's colours. */
const HUES = { red: 25, green: 150, yellow: 85, blue: 255, magenta: 320, cyan: 200 }

export function terminalTheme(): ITheme {
  const tokens = getComputedStyle(document.documentElement)
  const token = (name: string) => tokens.getPropertyValue(name).trim()
  const isDark = document.documentElement.classList.contains('dark')
  const [plain, bright] = isDark ? [0.74, 0.84] : [0.5, 0.42]
  const colours: Record<string, string> = {}
  for (const name of NAMES) {
    const colour = (lightness: number) =>
      name === 'black' || name === 'white' ? `oklch(${name === 'black' ? 0.35 : 0.65} 0 0)` : `oklch(${lightness} 0.13 ${HUES[name]})`
    colours[name] = colour(plain)
    colours[`bright${name.charAt(0).toUpperCase()}${name.slice(1)}`] = colour(bright)
  }
  return {
    ...colours,
    background: token('--surface'),
    foreground: token('--text'),
    cursor: token('--accent-text'),
    cursorAccent: token('--surface'),
    selectionBackground: token('--selection'),
    selectionForeground: token('--text'),
  }
}
