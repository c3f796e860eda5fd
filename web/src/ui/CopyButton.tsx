// Copies a text, and says so.
import { Check, Copy } from 'lucide-react'
import { useState } from 'react'
import { useMessages } from '../i18n/messages'

/** How long "Copied" stays. */
const SHOWN_MS = 2_000

export function CopyButton({ text, what }: { text: string; what: string }) {
  const m = useMessages()
  const [copied, setCopied] = useState(false)
  const copy = async () => {
    // Without TLS a browser has no clipboard for pages, except on this machine.
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
      className="inline-flex items-center gap-1 px-1.5 min-h-6 pointer-coarse:min-h-9 rounded-sm text-xs text-muted hover:text-text hover:bg-raised"
    >
      {copied ? <Check aria-hidden size={14} strokeWidth={1.5} /> : <Copy aria-hidden size={14} strokeWidth={1.5} />}
      <span aria-live="polite">{copied ? m.copied : m.copy}</span>
      <span className="sr-only">{what}</span>
    </button>
  )
}
