// A button that copies a text and then shows "Copied".
import { Check, Copy } from 'lucide-react'
import { useState } from 'react'
import { useMessages } from '../i18n/messages'

/** Time for which "Copied" is shown. */
const SHOWN_MS = 2_000

export function CopyButton({ text, what }: { text: string; what: string }) {
  const m = useMessages()
  const [copied, setCopied] = useState(false)
  const copy = async () => {
    // Without TLS, browsers give pages no access to the clipboard, except on localhost.
    const done = await navigator.clipboard?.writeText(text).then(
      () => true,
      () => false,
    )
    if (done !== true) return
    setCopied(true)
    setTimeout(() => setCopied(false), SHOWN_MS)
  }
  return (
    <button
      type="button"
      onClick={() => void copy()}
      className="inline-flex shrink-0 items-center gap-1 px-1.5 whitespace-nowrap min-h-6 pointer-coarse:min-h-11 rounded-sm text-xs text-muted hover:text-text hover:bg-raised"
    >
      {copied ? <Check aria-hidden size={14} strokeWidth={1.5} /> : <Copy aria-hidden size={14} strokeWidth={1.5} />}
      <span aria-live="polite">{copied ? m.copied : m.copy}</span>
      <span className="sr-only">{what}</span>
    </button>
  )
}
