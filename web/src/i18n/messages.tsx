// The language of the site. The default is the browser's language. The user's choice is stored in this browser.
import { createContext, use, useState, type ReactNode } from 'react'
import { write } from '../util/storage'
import { en, type Messages } from './en'
import { zhCN } from './zh-CN'

export const CATALOGUES = { en, 'zh-CN': zhCN } satisfies Record<string, Messages>
export type LanguageTag = keyof typeof CATALOGUES

interface Language {
  tag: LanguageTag
  messages: Messages
  change: (tag: LanguageTag) => void
}

const Current = createContext<Language>({ tag: 'en', messages: en, change: () => {} })

export function LanguageProvider({ children }: { children: ReactNode }) {
  // `theme.js` has set `lang` to the stored choice or the browser's language.
  const [tag, setTag] = useState<LanguageTag>(document.documentElement.lang === 'zh-CN' ? 'zh-CN' : 'en')
  const change = (next: LanguageTag) => {
    write('cupel.language', next)
    document.documentElement.lang = next
    setTag(next)
  }
  return <Current value={{ tag, messages: CATALOGUES[tag], change }}>{children}</Current>
}

export const useLanguage = (): Language => use(Current)

/** The texts of the current language. */
export const useMessages = (): Messages => use(Current).messages

/** A catalogue of a single page, in every language. */
export type Both<T> = Record<LanguageTag, T>

/** The texts of the current language, of a catalogue that is loaded with its page. */
export const useTexts = <T,>(both: Both<T>): T => both[use(Current).tag]
