// The language of an editor. Only the user changes it: a language that can no longer run stays, with the reason.
import { useMemo, useState } from 'react'
import type { Schema } from '../api/client'
import { keepLanguage } from '../util/drafts'
import { firstLanguage, offered, unlisted, whyNot, type Accepted } from '../util/language-choice'

/** `accepted`: the languages that the problem accepts, if it does not accept all. `sent`: see `firstLanguage`. */
export function useProgramLanguage(user: string | undefined, slug: string, languages: Schema['LanguageView'][], accepted?: Accepted, sent?: string | null) {
  const [chosen, setChosen] = useState<string>()
  const id = chosen ?? firstLanguage({ user, slug }, languages, accepted, sent)
  if (id !== chosen) setChosen(id)
  return useMemo(() => {
    const [like] = languages
    const listed = languages.find((one) => one.language_id === id)
    const language = listed ?? (id === undefined || like === undefined ? undefined : unlisted(id, like))
    const choices = offered({ user, slug }, languages, accepted, id)
    return {
      /** `undefined` if the server has no language for this editor. */
      language,
      languages: listed === undefined && language !== undefined ? [...choices, language] : choices,
      cannotRun: language && whyNot(language, accepted),
      choose: (next: string) => {
        keepLanguage(slug, next)
        setChosen(next)
      },
    }
  }, [user, slug, languages, accepted, id])
}
