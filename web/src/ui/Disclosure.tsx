// A part of a page that is shown on request, below its title.
import { ChevronRight } from 'lucide-react'
import type { ReactNode } from 'react'

export function Disclosure({ title, className = '', children }: { title: string; className?: string; children: ReactNode }) {
  return (
    <details className="mt-3 group">
      <summary className={`w-fit min-h-6 pointer-coarse:min-h-11 flex items-center gap-1 cursor-pointer ${className}`}>
        <ChevronRight aria-hidden size={14} className="shrink-0 text-muted group-open:rotate-90" />
        {title}
      </summary>
      {children}
    </details>
  )
}
