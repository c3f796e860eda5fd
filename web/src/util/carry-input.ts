// The playground's input and arguments, which stay when the user changes the language.
//
// A language without a draft begins with them, and they are no draft until they are changed. So a draft that the server has from
// another device still comes first. They are kept for the tab, so that a reload does not lose them.
import { changeDraft, draft, draftKey, type DraftOf } from './drafts'
import { playOf, textOf, type Play } from './play'
import { read, readJsonOfTab, writeOfTab } from './storage'

export type Carried = Pick<Play, 'args' | 'stdin'>

const keyOf = (user: string | undefined): string => `cupel.play-carried/${user ?? ''}`

/**
 * Carries input and arguments to the language of `to`. A draft in that language gets them only if it has neither. `main` is the name of the
 * language's main source.
 */
export function carryInput({ args, stdin }: Carried, to: DraftOf, main: string): void {
  writeOfTab(keyOf(to.user), JSON.stringify({ args, stdin }))
  const stored = draft(to)
  if (stored === null || (args === '' && stdin === '')) return
  const own = playOf(stored, main)
  if (own.args === '' && own.stdin === '') changeDraft(to, textOf({ ...own, args, stdin }), '', read(draftKey(to)))
}

/** The input that was carried last in this tab; at first, none. A user who signs in keeps the input of the visitor. */
export function carriedInput(user: string | undefined): Carried {
  const { args, stdin } = (readJsonOfTab(keyOf(user)) ?? readJsonOfTab(keyOf(undefined)) ?? {}) as Partial<Carried>
  return { args: typeof args === 'string' ? args : '', stdin: typeof stdin === 'string' ? stdin : '' }
}
