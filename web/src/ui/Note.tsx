// A message above the editor, with buttons to answer it.
import type { ReactNode } from 'react'

export function Note({ text, children }: { text: string; children?: ReactNode }) {
  return (
    <div role="status" data-spare className="flex flex-wrap items-center gap-2 px-3 py-1.5 border-b border-border bg-raised">
      <span className="grow basis-40">{text}</span>
      {children !== undefined && <div className="flex flex-wrap gap-2">{children}</div>}
    </div>
  )
}
