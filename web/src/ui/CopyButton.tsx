// A button that copies a text and then says whether it was copied.
import { Check, Copy } from 'lucide-react'
import { useState } from 'react'
import { useMessages } from '../i18n/messages'
import { copyText } from '../util/copy'

/** Time for which the outcome is shown. */
const SHOWN_MS = 2_000

export function CopyButton({ text, what }: { text: string; what: string }) {
  const m = useMessages()
  const [isCopied, setIsCopied] = useState<boolean>()
  const copy = async () => {
    setIsCopied(await copyText(text))
    setTimeout(() => setIsCopied(undefined), SHOWN_MS)
  }
  return (
    <button
      type="button"
      onClick={() => void copy()}
      className="inline-flex shrink-0 items-center gap-1 px-1.5 whitespace-nowrap min-h-6 pointer-coarse:min-h-11 rounded-sm text-xs text-muted hover:text-text hover:bg-raised"
    >
      {isCopied === true ? <Check aria-hidden size={14} strokeWidth={1.5} /> : <Copy aria-hidden size={14} strokeWidth={1.5} />}
      <span aria-live="polite">{isCopied === undefined ? m.copy : isCopied ? m.copied : m.notCopied}</span>
      <span className="sr-only">{what}</span>
    </button>
  )
}
