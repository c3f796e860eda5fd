// A tab of a panel on the same page.
import type { ReactNode } from 'react'
import { intoView } from './tab'

/** A tab button. Each tab button is reachable with the key Tab, so that the arrow keys stay free for the panel. */
export function TabButton({ isSelected, isDisabled = false, onClick, id, children }: { isSelected: boolean; isDisabled?: boolean; onClick: () => void; id: string; children: ReactNode }) {
  return (
    <button
      ref={isSelected ? intoView : undefined}
      type="button"
      role="tab"
      id={`tab-${id}`}
      aria-selected={isSelected}
      {...(isSelected && { 'aria-controls': `panel-${id}` })}
      {...(isDisabled && { 'aria-disabled': true })}
      onClick={isDisabled ? undefined : onClick}
      className="shrink-0 whitespace-nowrap h-9 pointer-coarse:min-h-11 px-2.5 inline-flex items-center -mb-px border-b-2 border-transparent text-muted hover:text-text aria-disabled:opacity-40 aria-disabled:cursor-default aria-selected:border-accent aria-selected:text-text aria-selected:[-webkit-text-stroke:0.35px_currentColor] focus-visible:-outline-offset-2"
    >
      {children}
    </button>
  )
}
