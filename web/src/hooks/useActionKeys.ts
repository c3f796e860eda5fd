// The characters of the single-key shortcuts (`util/keys.ts`), which the user can change.
import { useSyncExternalStore } from 'react'
import { ACTIONS, CHARACTERS, charactersOf, USUAL, type Action } from '../util/keys'
import { chosen } from '../util/storage'
import { keepChoice, subscribeToChoices } from './useChoice'

export type ActionKeys = Record<Action, string>

/** The characters by action, and a function that stores others; `undefined` stands for the usual ones. */
export function useActionKeys(): [ActionKeys, (keys: ActionKeys | undefined) => void] {
  const stored = useSyncExternalStore(subscribeToChoices, () => chosen(CHARACTERS))
  const characters = charactersOf(stored)
  const keys = Object.fromEntries(ACTIONS.map((action, at) => [action, characters[at]])) as ActionKeys
  return [keys, (next) => keepChoice(CHARACTERS, next === undefined ? USUAL : ACTIONS.map((action) => next[action]).join(''))]
}
