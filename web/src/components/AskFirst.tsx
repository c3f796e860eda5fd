// A button that asks before it acts. Cancel and the key Escape return the focus to the button.
import { useRef, useState } from 'react'
import { flushSync } from 'react-dom'
import { Button } from '../ui/Button'

interface AskFirstProps {
  text: string
  /** Name of the button, if several buttons have its text. */
  name?: string
  question: string
  yes: string
  no: string
  isPending: boolean
  onYes: () => void
  className?: string
}

/** In a row that wraps, the question is below the row. */
export function AskFirst({ text, name, question, yes, no, isPending, onYes, className = '' }: AskFirstProps) {
  const [isAsked, setIsAsked] = useState(false)
  const button = useRef<HTMLButtonElement>(null)
  const cancel = () => {
    flushSync(() => setIsAsked(false))
    button.current?.focus()
  }
  if (!isAsked) {
    return (
      <Button ref={button} className={`shrink-0 ${className}`} {...(name !== undefined && { 'aria-label': name })} disabled={isPending} onClick={() => setIsAsked(true)}>
        {text}
      </Button>
    )
  }
  return (
    <div className={`basis-full flex flex-wrap items-center gap-2 ${className}`} onKeyDown={(event) => event.key === 'Escape' && cancel()}>
      <span role="alert" className="grow basis-48">
        {question}
      </span>
      <div className="flex gap-2">
        <Button look="danger" autoFocus disabled={isPending} onClick={onYes}>
          {yes}
        </Button>
        <Button onClick={cancel}>{no}</Button>
      </div>
    </div>
  )
}
