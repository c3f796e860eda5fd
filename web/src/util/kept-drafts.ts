// Drafts that the server does not have, for example because their tab was closed without a connection. They are sent when the site is opened,
// by the same rules as from an editor (util/draft-sync.ts), so that the user finds them on every device.
import { pageUser } from '../api/client'
import { draftServer } from '../api/drafts'
import { DraftSync, type DraftServer } from './draft-sync'
import { draftKey, syncState, type DraftOf } from './drafts'
import { sharedSlug } from './play'
import { openDrafts } from './signed-in'
import { read, write } from './storage'

const END = '/sync'

/** The drafts of the user that only this browser has. */
function keptOf(user: string): DraftOf[] {
  const prefix = draftKey({ user, slug: '', language: '' }).slice(0, -1)
  return Object.keys(localStorage)
    .filter((key) => key.startsWith(prefix) && key.endsWith(END))
    .map((key) => {
      const [slug = '', language = ''] = key.slice(prefix.length, -END.length).split('/')
      return { user, slug, language }
    })
    .filter((of) => !of.slug.startsWith(sharedSlug('')) && !syncState(of).isSaved && read(draftKey(of)) !== null)
}

/** The server's side of a draft until the page has an editor with the draft, which sends it itself, or another user. */
function serverUntilOpen(of: DraftOf): DraftServer {
  const server = draftServer(of)
  const owner = pageUser()
  const check = () => {
    if (openDrafts.has(draftKey(of)) || pageUser() !== owner) throw new Error('the draft is that of an editor or of another user')
  }
  const checked = async <T>(call: () => Promise<T>): Promise<T> => {
    check()
    const answer = await call()
    check()
    return answer
  }
  return {
    newest: () => checked(server.newest),
    read: () => checked(server.read),
    save: async (...given) => {
      check()
      return server.save(...given)
    },
  }
}

/** Sends the drafts one after the other. A failed attempt is repeated later. */
export async function sendKept(user: string): Promise<void> {
  for (const of of keptOf(user)) {
    const key = draftKey(of)
    let known = read(key) ?? ''
    const sync = new DraftSync(of, serverUntilOpen(of), {
      text: () => known,
      adopt: (text) => {
        const isStored = write(key, text)
        if (isStored) known = text
        return isStored
      },
      isReplaced: () => read(key) !== known,
      changed: () => undefined,
    })
    await sync.look()
  }
}
