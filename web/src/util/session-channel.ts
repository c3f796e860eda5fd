// Tells the other tabs of this browser that somebody has signed in or out.

const NAME = 'cupel.session'

/** Call it after each sign-in and sign-out. */
export function announceSession(): void {
  const channel = new BroadcastChannel(NAME)
  channel.postMessage('')
  channel.close()
}

/** Calls `onChange` when another tab announces a sign-in or sign-out. Returns a function that ends this. */
export function watchSession(onChange: () => void): () => void {
  const channel = new BroadcastChannel(NAME)
  channel.onmessage = onChange
  return () => channel.close()
}
