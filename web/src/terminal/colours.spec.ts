import { afterEach, describe, expect, it, vi } from 'vitest'
import { terminalTheme } from './colours'

const SURFACE = { light: '#fefefe', dark: '#151619' }

function themeOf(name: 'light' | 'dark') {
  vi.stubGlobal('document', { documentElement: { classList: { contains: (one: string) => one === name } } })
  vi.stubGlobal('getComputedStyle', () => ({ getPropertyValue: (token: string) => (token === '--surface' ? ` ${SURFACE[name]}` : '#777777') }))
  return terminalTheme()
}

/** Source: WCAG 2.2, "relative luminance" and "contrast ratio". */
function contrast(one: string | undefined, other: string | undefined): number {
  const luminance = (colour = '') => {
    const [r = 0, g = 0, b = 0] = [1, 3, 5].map((at) => {
      const share = parseInt(colour.slice(at, at + 2), 16) / 255
      return share <= 0.03928 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4
    })
    return 0.2126 * r + 0.7152 * g + 0.0722 * b
  }
  const [dark = 0, light = 0] = [luminance(one), luminance(other)].sort((a, b) => a - b)
  return (light + 0.05) / (dark + 0.05)
}

const NAMES = ['red', 'green', 'yellow', 'blue', 'magenta', 'cyan', 'white', 'brightBlack', 'brightRed', 'brightGreen', 'brightYellow', 'brightBlue', 'brightMagenta', 'brightCyan', 'brightWhite'] as const

describe('the colours of the terminal', () => {
  afterEach(() => {
    vi.unstubAllGlobals()
  })

  it('are the same in both themes, except for black, which is the background of the dark one', () => {
    const [light, dark] = [themeOf('light'), themeOf('dark')]
    for (const name of NAMES) expect(dark[name], name).toBe(light[name])
    expect([light.black, light.background]).toEqual(['#000000', SURFACE.light])
    expect([dark.black, dark.background]).toEqual([SURFACE.dark, SURFACE.dark])
  })

  it('are 16 different colours', () => {
    const light = themeOf('light')
    expect(new Set([light.black, ...NAMES.map((name) => light[name])]).size).toBe(16)
  })

  it('of usual combinations need no adjustment of their contrast', () => {
    const { black, yellow, brightYellow, blue, green, cyan, white, brightWhite } = themeOf('light')
    const pairs = [[yellow, blue], [brightYellow, blue], [brightWhite, blue], [black, green], [black, cyan], [black, yellow], [black, white]]
    for (const [text, background] of pairs) expect(contrast(text, background), `${text} on ${background}`).toBeGreaterThanOrEqual(4.5)
  })
})
