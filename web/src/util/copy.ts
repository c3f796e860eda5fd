// Copies a text to the clipboard.

/** Returns whether the text was copied. */
export async function copyText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text)
    return true
  } catch {
    // Without TLS, browsers give pages no `navigator.clipboard`, except on localhost.
    const put = (event: ClipboardEvent) => {
      event.clipboardData?.setData('text/plain', text)
      event.preventDefault()
      event.stopImmediatePropagation()
    }
    addEventListener('copy', put, { capture: true })
    const isDone = document.execCommand('copy')
    removeEventListener('copy', put, { capture: true })
    return isDone
  }
}
