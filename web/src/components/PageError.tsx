// The error of a page that cannot be shown: its data could not be read, its script could not be loaded, or it has failed.
import { useRouter } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import { ErrorBox, PartFailed } from './ErrorBox'

interface Read {
  data: unknown
  error: Error | null
  refetch: () => unknown
}

/** Whether there is nothing to show. A failed refetch keeps the data of before, and the page goes on with them. */
const isUnread = ({ data, error }: Read): boolean => data === undefined && error !== null

/** `true` if one of the queries of a page has failed without data. */
export const cannotRead = (queries: readonly Read[]): boolean => queries.some(isUnread)

export function PageError({ queries }: { queries: readonly Read[] }) {
  const failed = queries.filter(isUnread)
  return (
    <Frame>
      <ErrorBox error={failed[0]?.error} onRetry={() => failed.forEach((one) => void one.refetch())} />
    </Frame>
  )
}

/** In place of a page whose script is missing or has failed. */
export function PageFailed() {
  const router = useRouter()
  return (
    <Frame>
      <PartFailed isMissing onRetry={() => void router.invalidate()} />
    </Frame>
  )
}

const Frame = ({ children }: { children: ReactNode }) => <div className="w-full max-w-xl mx-auto p-4">{children}</div>
