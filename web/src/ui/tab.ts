// The look of links that switch between the parts of a page.

export const tabListClass = 'flex gap-1 border-b border-border scroll-tabs'

export const tabClass = (isCurrent: boolean): string =>
  `shrink-0 px-3 max-sm:px-2.5 h-9 pointer-coarse:min-h-11 inline-flex items-center border-b-2 -mb-px whitespace-nowrap focus-visible:-outline-offset-2 ${isCurrent ? 'border-accent font-semibold' : 'border-transparent text-muted hover:text-text'}`

/** Puts the bar with Run at the end of the row of tabs in a low window, where the code needs the height. The caller sets `top`. */
export const BESIDE_TABS = 'low:absolute low:bottom-auto low:right-0 low:flex-nowrap low:h-9 low:pointer-coarse:h-11 low:px-2 low:py-0 low:border-0 low:bg-transparent low:*:h-7 low:pointer-coarse:*:h-9 low:pointer-coarse:*:min-h-9'

/**
 * Scrolls the list of tabs so that this tab is in its middle, in the next frame. For `ref` of the current tab. At once, the
 * browser would have to lay out the page within the task that draws it, which is then long on a slow processor.
 */
export const intoView = (tab: HTMLElement | null): void => {
  requestAnimationFrame(() => {
    const list = tab?.parentElement
    if (tab && list) list.scrollLeft = tab.offsetLeft - (list.clientWidth - tab.offsetWidth) / 2
  })
}
