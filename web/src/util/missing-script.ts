// Reports to `Shell` that a script which the user needs now could not be loaded. `Shell` shows a notice.

const MISSING = 'cupel:missing-script'
const LOADED = 'cupel:loaded-script'

/** Returns the loaded script. If the script is missing, reports it and returns `undefined`. */
export async function orReport<T>(load: Promise<T>): Promise<T | undefined> {
  try {
    const loaded = await load
    dispatchEvent(new Event(LOADED))
    return loaded
  } catch {
    dispatchEvent(new Event(MISSING))
    return undefined
  }
}

/** `listener` gets whether the script that the user needed last is missing. Returns a function that ends the watch. */
export function watchMissing(listener: (isMissing: boolean) => void): () => void {
  const missing = () => listener(true)
  const loaded = () => listener(false)
  addEventListener(MISSING, missing)
  addEventListener(LOADED, loaded)
  return () => {
    removeEventListener(MISSING, missing)
    removeEventListener(LOADED, loaded)
  }
}
