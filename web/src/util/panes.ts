// Sizes of panes beside a splitter.

/**
 * Media query of windows that show both panes beside each other. A phone in landscape has tabs even if it is wide,
 * because the panes would be too low. A tablet in landscape is wider than 1000 px, so its on-screen keyboard does not
 * change the layout.
 */
export const WIDE = '(min-width: 1000px), (min-width: 900px) and (min-height: 440px)'

/**
 * Height of the pane above the result, which depends on no content. Below it, the tabs of the result and the bar with Run always have
 * room.
 */
export const paneAbove = (share: number): string => `min(${share}%, calc(100% - 128px))`
