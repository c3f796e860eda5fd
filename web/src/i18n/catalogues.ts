// The languages of the site, and how the texts of each are loaded.
import type { Messages } from './en'

/** Each language by its own name. */
export const LANGUAGES = { en: 'English', 'zh-CN': '简体中文' } as const

export type LanguageTag = keyof typeof LANGUAGES

const CATALOGUES: Record<LanguageTag, () => Promise<Messages>> = {
  en: async () => (await import('./en')).en,
  'zh-CN': async () => (await import('./zh-CN')).zhCN,
}

export const catalogueOf = (tag: LanguageTag): Promise<Messages> => CATALOGUES[tag]()

/** `theme.js` has set `lang` from the kept choice or the browser's language. */
export const chosenLanguage = (): LanguageTag => (document.documentElement.lang === 'zh-CN' ? 'zh-CN' : 'en')
