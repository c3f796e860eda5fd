// Whether somebody was signed in in this tab, so that a page that is opened after the end of the session can say that it has ended.
import { readOfTab, removeOfTab, writeOfTab } from './storage'

const KEY = 'cupel.signed-in'

export const wasSignedIn = (): boolean => readOfTab(KEY) !== null

export const noteSignedIn = (is: boolean): void => (is ? writeOfTab(KEY, '1') : removeOfTab(KEY))

/** Functions that save the drafts of open editors, by the drafts' keys. Called before the user signs out, because the server then refuses them. */
export const openDrafts = new Map<string, () => Promise<void> | undefined>()
