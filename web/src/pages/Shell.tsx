// The parts of every page: the bar at the top, the offline notice, and the list of shortcuts.
import { Outlet, useLocation, useRouterState } from '@tanstack/react-router'
import { useDeferredValue, useEffect, useRef, useState } from 'react'
import { flushSync } from 'react-dom'
import { AppBar } from '../components/AppBar'
import { lazyPart } from '../components/LazyPart'
import { useIsEmbedded } from '../hooks/useIsEmbedded'
import { useIsOnline } from '../hooks/useIsOnline'
import { usePopup } from '../hooks/usePopup'
import { useSessionWatch } from '../hooks/useSessionWatch'
import { useMessages } from '../i18n/messages'
import { Button } from '../ui/Button'
import { collectKeys } from '../ui/early-keys'
import { hasEditor } from '../util/editor-pages'
import { actionOf, opensPalette } from '../util/keys'
import { watchMissing } from '../util/missing-script'
// It follows changes of the system's theme.
import '../util/theme'
import { watchTyping } from '../util/typing'

const loadShortcuts = () => import('../components/Shortcuts')
const Shortcuts = lazyPart(async () => (await loadShortcuts()).Shortcuts)

const SessionEnded = lazyPart(async () => (await import('../components/SessionEnded')).SessionEnded)

const loadPalette = () => import('../components/Palette')
const Palette = lazyPart(async () => (await loadPalette()).Palette)

export function Shell() {
  const m = useMessages()
  const main = useRef<HTMLElement>(null)
  const shortcuts = usePopup(loadShortcuts)
  const palette = usePopup(loadPalette)
  const top = useRef<HTMLDivElement>(null)
  const shown = useRouterState({ select: ({ resolvedLocation }) => resolvedLocation?.pathname })
  const before = useRef<string>(undefined)
  useEffect(() => {
    const isFirst = before.current === undefined
    before.current = shown
    // The link that led here is gone with its page. Without this, Tab would go on from its place, behind the links that skip to the
    // editor and to the content. On the first page, Tab begins at the top anyway, and a focus would make the browser lay out the
    // page within a task that is long enough without it.
    if (shown === undefined || isFirst || (document.activeElement ?? document.body) !== document.body) return
    top.current?.focus({ preventScroll: true })
    top.current?.blur()
  }, [shown])
  const isEditorPage = useLocation({ select: ({ pathname }) => hasEditor(pathname) })
  const isEmbedded = useIsEmbedded()
  // The router renders at once. The page follows the bar in short tasks.
  const showsPage = useDeferredValue(true, false)
  const changed = useSessionWatch()
  const [isChangeRead, setIsChangeRead] = useState(false)
  if (changed === undefined && isChangeRead) setIsChangeRead(false)
  const leadsToSignIn = useLocation({ select: ({ pathname }) => !/^\/(sign-in|register|password)/.test(pathname) })
  const isOnline = useIsOnline()
  const [isRead, setIsRead] = useState(false)
  if (isOnline && isRead) setIsRead(false)
  const [isMissing, setIsMissing] = useState(false)
  useEffect(() => watchMissing(setIsMissing), [])
  // When the connection is back, the next press of the button loads the script.
  useEffect(() => setIsMissing(false), [shown, isOnline])
  // Both functions only load a script and set a state, so the functions of the first render can be used after later
  // renders.
  const act = useRef({ openShortcuts: shortcuts.open, openPalette: palette.open, setPalette: palette.setOpen })
  const isPaletteOpen = useRef(false)
  useEffect(() => {
    isPaletteOpen.current = palette.isOpen
  }, [palette.isOpen])
  useEffect(watchTyping, [])
  useEffect(() => {
    const key = (event: KeyboardEvent) => {
      const action = actionOf(event)
      if (action === 'help') act.current.openShortcuts()
      if (action === 'editor' && document.querySelector('[data-editor]') !== null) {
        // The editor must not get the letter.
        event.preventDefault()
        skipToEditor()
      }
    }
    // The palette leads to other pages, which a frame of another site does not show.
    const paletteKey = (event: KeyboardEvent) => {
      if (isEmbedded || !opensPalette(event)) return
      event.preventDefault()
      event.stopPropagation()
      if (isPaletteOpen.current) return act.current.setPalette(false)
      collectKeys()
      act.current.openPalette()
    }
    addEventListener('keydown', key)
    // In the capture phase, before the editor, which may use the same keys.
    addEventListener('keydown', paletteKey, { capture: true })
    return () => {
      removeEventListener('keydown', key)
      removeEventListener('keydown', paletteKey, { capture: true })
    }
  }, [isEmbedded])
  return (
    <div className="min-h-full flex flex-col bg-bg">
      <div ref={top} tabIndex={-1} className="outline-none" />
      {isEditorPage && <Skip onClick={skipToEditor}>{m.skipToEditor}</Skip>}
      <Skip onClick={() => main.current?.focus()}>{m.skipToContent}</Skip>
      {!isEmbedded && <AppBar onShortcuts={shortcuts.open} onPalette={palette.open} />}
      {/* The notices are in front of the page and do not move it. On touch screens, the offline notice has its own row and covers
          no button or link. */}
      <div role="status" className={isEmbedded ? `${NOTICES} pointer-coarse:bottom-28` : `${NOTICES} ${AROUND_ROW}`}>
        <div className={isEmbedded ? 'contents' : FLOATING}>
          {changed !== undefined && !isChangeRead && leadsToSignIn && isOnline && (
            <SessionEnded className={`${NOTICE} w-[min(32rem,calc(100vw-24px))] p-3`} name={changed.name} onClose={() => setIsChangeRead(true)} />
          )}
          {isMissing && (
            <div className={`${NOTICE} w-[min(32rem,calc(100vw-24px))] p-3`}>
              <p className="font-semibold">{m.errors.part}</p>
              <p>{m.errors.partDetail}</p>
              <div className="mt-2 flex flex-wrap gap-2">
                {isOnline && <Button onClick={() => location.reload()}>{m.errors.reload}</Button>}
                <Button look="quiet" onClick={() => setIsMissing(false)}>
                  {m.close}
                </Button>
              </div>
            </div>
          )}
        </div>
        {!isOnline && !isRead && (
          <div data-offline={isEmbedded ? 'floating' : 'row'} className={`${NOTICE} ${isEmbedded ? '' : IN_ROW} w-max max-w-[calc(100vw-24px)] flex items-center gap-2 pl-3 pr-1 py-1`}>
            <span>{isEditorPage ? m.offlineCode : m.offline}</span>
            <Button look="quiet" onClick={() => setIsRead(true)}>
              {m.close}
            </Button>
          </div>
        )}
      </div>
      <main ref={main} tabIndex={-1} className="grow flex flex-col outline-none min-h-0">
        {showsPage && <Outlet />}
      </main>
      {palette.isUsed && (
        <Palette open={palette.isOpen} onChange={palette.setOpen} onShortcuts={shortcuts.open} />
      )}
      {shortcuts.isUsed && (
        <Shortcuts open={shortcuts.isOpen} onChange={shortcuts.setOpen} />
      )}
    </div>
  )
}

const NOTICE = 'rounded-md border border-strong bg-raised shadow-lg print:hidden'

/** The notices are below each other. */
const NOTICES = 'fixed z-40 left-1/2 -translate-x-1/2 bottom-16 w-max flex flex-col items-center gap-2'

/** On touch screens, only the offline notice is in the row, and the other notices float. */
const AROUND_ROW = 'pointer-coarse:sticky pointer-coarse:inset-auto pointer-coarse:top-0 pointer-coarse:translate-none pointer-coarse:block pointer-coarse:w-auto'
const FLOATING = 'contents pointer-coarse:fixed pointer-coarse:flex flex-col items-center gap-2 left-1/2 -translate-x-1/2 bottom-28 w-max'

/** `.workspace` leaves room for it. */
const IN_ROW =
  'pointer-coarse:w-full pointer-coarse:max-w-none! pointer-coarse:h-(--notice) pointer-coarse:overflow-y-auto pointer-coarse:py-0 pointer-coarse:text-sm pointer-coarse:leading-tight pointer-coarse:justify-between pointer-coarse:rounded-none pointer-coarse:border-0 pointer-coarse:border-b pointer-coarse:shadow-none'

/** A button that is seen only while it has the focus. */
function Skip({ onClick, children }: { onClick: () => void; children: string }) {
  return (
    <button
      type="button"
      onClick={onClick}
      className="sr-only focus:not-sr-only focus:absolute focus:z-50 focus:m-2 focus:px-3 focus:py-2 focus:bg-surface focus:rounded-md"
    >
      {children}
    </button>
  )
}

/** Moves the focus to the editor. In a narrow window, the editor is in a tab, which is opened first. */
function skipToEditor() {
  flushSync(() => document.querySelector<HTMLElement>('#tab-code[aria-selected=false]')?.click())
  const content = document.querySelector('[data-editor]')?.shadowRoot?.querySelector<HTMLElement>('.cm-content')
  const focused = document.activeElement
  if (content != null) content.focus()
  // The editor, or its script, is not there yet. The wish ends when the focus moves.
  else requestAnimationFrame(() => document.activeElement === focused && skipToEditor())
}
