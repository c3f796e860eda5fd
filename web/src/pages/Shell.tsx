// What every page has: the bar at the top, the offline notice, and the list of shortcuts.
import { Outlet, useLocation } from '@tanstack/react-router'
import { useEffect, useRef, useState, useSyncExternalStore } from 'react'
import { AppBar } from '../components/AppBar'
import { Shortcuts } from '../components/Shortcuts'
import { useMessages } from '../i18n/messages'
import { isTyping } from '../util/keys'
import { embedSearch } from '../util/search'

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
  const isEmbedded = useLocation({ select: ({ pathname, search }) => pathname.startsWith('/p/') && embedSearch(search).embed === 1 })
  const isOnline = useSyncExternalStore(online, () => navigator.onLine)
  useEffect(() => {
    const key = (event: KeyboardEvent) => {
      if (event.key === '?' && !isTyping(event)) setShowsKeys(true)
    }
    addEventListener('keydown', key)
    return () => removeEventListener('keydown', key)
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
      {!isEmbedded && <AppBar onShortcuts={() => setShowsKeys(true)} />}
      {!isOnline && (
        <p role="status" className="px-4 py-1.5 bg-raised border-b border-border text-center">
          {m.offline}
        </p>
      )}
      <main ref={main} tabIndex={-1} className="grow flex flex-col outline-none min-h-0">
        <Outlet />
      </main>
      <Shortcuts open={showsKeys} onChange={setShowsKeys} />
    </div>
  )
}
