// The content of a terminal as plain text, which screen readers read line by line, and which can be searched, selected and copied.
import type { IBuffer, Terminal as Xterm } from '@xterm/xterm'
import { useEffect, useLayoutEffect, useRef, useState } from 'react'
import { terminalTexts } from '../i18n/terminal'
import { useTexts } from '../i18n/messages'
import { visible } from '../util/visible'

/** Time between two readings of the terminal while its program writes. */
const READ_MS = 500
/** How far from the end a reader may be who reads the end, in pixels. */
const END_PX = 24

export function TerminalText({ xterm }: { xterm: Xterm }) {
  const x = useTexts(terminalTexts)
  const [text, setText] = useState('')
  const box = useRef<HTMLPreElement>(null)
  const isAtEnd = useRef(true)
  useEffect(() => {
    let waiting: ReturnType<typeof setTimeout> | undefined
    const read = () => {
      waiting = undefined
      setText(textOf(xterm.buffer.active))
    }
    read()
    const changes = xterm.onRender(() => {
      waiting ??= setTimeout(read, READ_MS)
    })
    return () => {
      clearTimeout(waiting)
      changes.dispose()
    }
  }, [xterm])
  useLayoutEffect(() => {
    if (isAtEnd.current) box.current?.scrollTo(0, box.current.scrollHeight)
  }, [text])
  return (
    <pre
      ref={box}
      tabIndex={0}
      role="log"
      aria-live="off"
      aria-label={x.textLabel}
      onScroll={({ currentTarget: { scrollTop, clientHeight, scrollHeight } }) => {
        isAtEnd.current = scrollTop + clientHeight >= scrollHeight - END_PX
      }}
      className="absolute inset-0 z-10 overflow-auto bg-surface font-mono text-sm whitespace-pre-wrap break-words"
    >
      {visible(text)}
    </pre>
  )
}

/** The lines of a terminal, without the ends that are blank. A line of the program that fills several rows is one line. */
function textOf(buffer: IBuffer): string {
  let text = ''
  for (let row = 0; row < buffer.length; row++) {
    const line = buffer.getLine(row)
    if (line === undefined) break
    if (row > 0 && !line.isWrapped) text += '\n'
    text += line.translateToString(buffer.getLine(row + 1)?.isWrapped !== true)
  }
  return text.trimEnd()
}
