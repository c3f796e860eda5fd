// Announces that the session may have changed: to the other tabs of this browser after a sign-in or sign-out, and to this tab after the server
// has refused its session.

const NAME = 'cupel.session'

/** `undefined` if the browser refuses it. Firefox does so where a site may not store anything; the site works there, too. */
function open(): BroadcastChannel | undefined {
  try {
    return new BroadcastChannel(NAME)
  } catch {
    return undefined
  }
}

/** Call it after each sign-in and sign-out. */
export function announceSession(): void {
  const channel = open()
  channel?.postMessage('')
  channel?.close()
}

const suspicions = new EventTarget()

/** Call it when the server has refused the session of this page. */
export const suspectSession = (): boolean => suspicions.dispatchEvent(new Event('suspect'))

/** Calls `onChange` when another tab announces a sign-in or sign-out, or the server has refused this page's session. Returns a function that ends this. */
export function watchSession(onChange: () => void): () => void {
  const channel = open()
  if (channel) channel.onmessage = onChange
  suspicions.addEventListener('suspect', onChange)
  return () => {
    channel?.close()
    suspicions.removeEventListener('suspect', onChange)
  }
}
