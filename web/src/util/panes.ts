// Sizes of panes beside a splitter.

/**
 * Height of the pane above the result, which depends on no content. Below it, the tabs of the result and the bar with Run always have
 * room.
 */
export const paneAbove = (share: number): string => `min(${share}%, calc(100% - 128px))`
