// Entry point. Sends the page's first requests, then evaluates the scripts one after the other.
//
// Each script is evaluated in a separate task, because all together would keep a slow processor busy for more than 100
// ms. This does not delay the loading, because the page's head lists the scripts (`early-scripts` in vite.config.ts).
// This script waits for the others. So no other script may wait for it, and it has no top-level `await`.
import { firstRequests, ROOT, sendAhead } from './api/ahead'
import { catalogueOf, chosenLanguage } from './i18n/catalogues'
import { pause } from './util/pause'
import './styles.css'

const STEPS = [() => import('./start/react'), () => import('./start/router'), () => import('./start/queries')]

/** Begins to load the scripts of this page, which the page's head lists by the page's path. */
function loadPage(path: string): void {
  for (const { content } of document.querySelectorAll<HTMLMetaElement>('meta[name="page-scripts"]')) {
    const [pattern = '', ...files] = content.split(' ')
    if (!new RegExp(pattern).test(path)) continue
    for (const file of files) {
      const link = document.createElement('link')
      link.rel = 'modulepreload'
      link.href = file
      document.head.append(link)
    }
  }
}

async function main(): Promise<void> {
  const path = location.pathname.slice(ROOT.pathname.length)
  const language = chosenLanguage()
  sendAhead(firstRequests(path, location.search, language.slice(0, 2)))
  loadPage(path)
  const texts = catalogueOf(language)
  for (const step of STEPS) {
    await step()
    await pause()
  }
  const { start } = await import('./app')
  await pause()
  start(await texts)
}

void main()
