// The symbol of each theme.
import { Monitor, Moon, Sun } from 'lucide-react'
import type { Theme } from '../util/theme'

export const THEME_ICONS: Record<Theme, typeof Sun> = { system: Monitor, light: Sun, dark: Moon }
