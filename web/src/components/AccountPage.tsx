// The frame of the account pages, and their form handling.
import type { ReactNode } from 'react'

export const field = (form: FormData, name: string): string => {
  const value = form.get(name)
  return typeof value === 'string' ? value : ''
}

export function AccountPage({ title, children }: { title: string; children: ReactNode }) {
  return (
    <div className="w-full max-w-md mx-auto px-4 max-[300px]:px-1 py-8 sm:py-16">
      <div className="p-6 max-[300px]:p-3 sm:p-8 rounded-lg border border-border bg-surface">
        <h1 className="mb-6 text-xl font-semibold">{title}</h1>
        {children}
      </div>
    </div>
  )
}
