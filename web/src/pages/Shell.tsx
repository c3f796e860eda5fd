// The parts of every page: the bar at the top, the offline notice, and the list of shortcuts.
import { Outlet, useLocation } from '@tanstack/react-router'
import { lazy, Suspense, useEffect, useRef, useState, useSyncExternalStore } from 'react'
import { AppBar } from '../components/AppBar'
import { Shortcuts } from '../components/Shortcuts'
import { useMessages } from '../i18n/messages'
import { isNoShortcut, opensPalette } from '../util/keys'
import { embedSearch } from '../util/search'

const Palette = lazy(async () => ({ default: (await import('../components/Palette')).Palette }))

const online = (listener: () => void) => {
  addEventListener('online', listener)
  addEventListener('offline', listener)
  return () => {
    removeEventListener('online', listener)
    removeEventListener('offline', listener)
  }
}

export function Shell() {
  const m = useMessages()
  const main = useRef<HTMLElement>(null)
  const [showsKeys, setShowsKeys] = useState(false)
  // The palette's script is loaded when the palette is first opened.
  const [palette, setPalette] = useState<'unused' | 'open' | 'closed'>('unused')
  const isEmbedded = useLocation({ select: ({ pathname, search }) => pathname.startsWith('/p/') && embedSearch(search).embed === 1 })
  const isOnline = useSyncExternalStore(online, () => navigator.onLine)
  useEffect(() => {
    const key = (event: KeyboardEvent) => {
      if (event.key === '?' && !isNoShortcut(event)) setShowsKeys(true)
    }
    const paletteKey = (event: KeyboardEvent) => {
      if (!opensPalette(event)) return
      event.preventDefault()
      event.stopPropagation()
      setPalette((now) => (now === 'open' ? 'closed' : 'open'))
    }
    addEventListener('keydown', key)
    // In the capture phase, before the editor, which may use the same keys.
    addEventListener('keydown', paletteKey, { capture: true })
    return () => {
      removeEventListener('keydown', key)
      removeEventListener('keydown', paletteKey, { capture: true })
    }
  }, [])
  return (
    <div className="min-h-full flex flex-col">
      <button
        type="button"
        onClick={() => main.current?.focus()}
        className="sr-only focus:not-sr-only focus:absolute focus:z-50 focus:m-2 focus:px-3 focus:py-2 focus:bg-surface focus:rounded-md"
      >
        {m.skipToContent}
      </button>
      {!isEmbedded && <AppBar onShortcuts={() => setShowsKeys(true)} onPalette={() => setPalette('open')} />}
      {!isOnline && (
        <p role="status" className="px-4 py-1.5 bg-raised border-b border-border text-center">
          {m.offline}
        </p>
      )}
      <main ref={main} tabIndex={-1} className="grow flex flex-col outline-none min-h-0">
        <Outlet />
      </main>
      {palette !== 'unused' && (
        <Suspense>
          <Palette open={palette === 'open'} onChange={(open) => setPalette(open ? 'open' : 'closed')} onShortcuts={() => setShowsKeys(true)} />
        </Suspense>
      )}
      <Shortcuts open={showsKeys} onChange={setShowsKeys} />
    </div>
  )
}
