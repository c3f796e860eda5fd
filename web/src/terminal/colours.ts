// The terminal's colours: the page's colour variables, and the 16 colours of a terminal.
//
// The 16 colours mean the same in both themes, because programs use them as text and as background: text that is black on green stays so.
// Text with too little contrast to its background, such as yellow on the white page, is adjusted (`minimumContrastRatio`). Black is the
// background of the dark terminal, so that the screen of a program that uses curses has no visible edge there.
import type { ITheme } from '@xterm/xterm'

/** Source: the default palette of Visual Studio Code's terminal. Blue is darker, so that yellow on blue needs no adjustment. */
const PALETTE = {
  black: '#000000',
  red: '#cd3131',
  green: '#0dbc79',
  yellow: '#e5e510',
  blue: '#1a5fb4',
  magenta: '#bc3fbc',
  cyan: '#11a8cd',
  white: '#d8d8d8',
  brightBlack: '#767676',
  brightRed: '#f14c4c',
  brightGreen: '#23d18b',
  brightYellow: '#f5f543',
  brightBlue: '#3b8eea',
  brightMagenta: '#d670d6',
  brightCyan: '#29b8db',
  brightWhite: '#ffffff',
} satisfies ITheme

export function terminalTheme(): ITheme {
  const tokens = getComputedStyle(document.documentElement)
  const token = (name: string) => tokens.getPropertyValue(name).trim()
  const isDark = document.documentElement.classList.contains('dark')
  return {
    ...PALETTE,
    ...(isDark && { black: token('--surface') }),
    background: token('--surface'),
    foreground: token('--text'),
    cursor: token('--accent-text'),
    cursorAccent: token('--surface'),
    selectionBackground: token('--selection'),
    selectionForeground: token('--text'),
    overviewRulerBorder: token('--surface'),
    scrollbarSliderBackground: token('--border'),
    scrollbarSliderHoverBackground: token('--border-strong'),
    scrollbarSliderActiveBackground: token('--border-strong'),
  }
}
