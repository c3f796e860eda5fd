// A button that asks before it acts. Cancel and the key Escape return the focus to the button.
import { useRef, useState, type ReactNode } from 'react'
import { flushSync } from 'react-dom'
import { Button } from '../ui/Button'

interface AskFirstProps {
  /** In front of the text of the button. */
  icon?: ReactNode
  text: string
  /** Name of the button, if several buttons have its text. */
  name?: string
  question: string
  yes: string
  no: string
  isPending: boolean
  onYes: () => void
  /** The look of the button; plain by default. */
  look?: 'primary'
  /** Whether the action can be undone or removes nothing. */
  isHarmless?: boolean
  className?: string
}

/** In a row that wraps, the question is below the row. */
export function AskFirst({ icon, text, name, question, yes, no, isPending, onYes, look, isHarmless = false, className = '' }: AskFirstProps) {
  const [isAsked, setIsAsked] = useState(false)
  const button = useRef<HTMLButtonElement>(null)
  const cancel = () => {
    flushSync(() => setIsAsked(false))
    button.current?.focus()
  }
  if (!isAsked) {
    return (
      <Button ref={button} {...(look !== undefined && { look })} className={`shrink-0 ${className}`} {...(name !== undefined && { 'aria-label': name })} disabled={isPending} onClick={() => setIsAsked(true)}>
        {icon}
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
        <Button look={isHarmless ? 'primary' : 'danger'} autoFocus disabled={isPending} onClick={onYes}>
          {yes}
        </Button>
        <Button onClick={cancel}>{no}</Button>
      </div>
    </div>
  )
}
