// The language of the site: chosen by the browser, changed by the person, kept in this browser. The texts of a language are loaded when
// it is chosen.
import { createContext, use, useRef, useState, type ReactNode } from 'react'
import { orReport } from '../util/missing-script'
import { write } from '../util/storage'
import { catalogueOf, chosenLanguage, type LanguageTag } from './catalogues'
import type { Messages } from './en'

export { LANGUAGES, type LanguageTag } from './catalogues'

interface Language {
  tag: LanguageTag
  messages: Messages
  change: (tag: LanguageTag) => void
}

const Current = createContext<Language | undefined>(undefined)

/** `messages`: the texts of the chosen language. */
export function LanguageProvider({ messages, children }: { messages: Messages; children: ReactNode }) {
  const [shown, setShown] = useState({ tag: chosenLanguage(), messages })
  const chosen = useRef<LanguageTag>(undefined)
  const change = async (tag: LanguageTag) => {
    chosen.current = tag
    const messages = await catalogueOf(tag)
    // Another language was chosen while the texts were loaded.
    if (chosen.current !== tag) return
    write('cupel.language', tag)
    document.documentElement.lang = tag
    setShown({ tag, messages })
  }
  // If the texts cannot be loaded, the language stays as it is.
  return <Current value={{ ...shown, change: (tag) => void orReport(change(tag)) }}>{children}</Current>
}

export function useLanguage(): Language {
  const language = use(Current)
  if (language === undefined) throw new Error('there is no LanguageProvider')
  return language
}

/** The texts of the current language. */
export const useMessages = (): Messages => useLanguage().messages

/** A catalogue of a single page, in every language. */
export type Both<T> = Record<LanguageTag, T>

/** The texts of the current language, of a catalogue that is loaded with its page. */
export const useTexts = <T,>(both: Both<T>): T => both[useLanguage().tag]
