// Tells the frame of the page that a script that a person asked for could not be loaded, so that it shows a notice.

const MISSING = 'cupel:missing-script'

export const reportMissing = (): void => void dispatchEvent(new Event(MISSING))

/** Returns a function that ends the watch. */
export function watchMissing(listener: () => void): () => void {
  addEventListener(MISSING, listener)
  return () => removeEventListener(MISSING, listener)
}
