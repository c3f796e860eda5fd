// Queries of the administrator's page. They are repeated while the page is visible.
import { queryOptions } from '@tanstack/react-query'
import { addressOf, api, CallError, dataOf } from './client'

export const ADMIN_POLL_MS = 3_000

export interface Health {
  status: 'ok' | 'degraded' | 'unavailable'
  version: string
  checks: { name: string; ok: boolean; detail?: string }[]
  walls: { name: string; stands: boolean; detail?: string }[]
  degraded: string[]
}

/** `/healthz` is not in the OpenAPI document. A response with status 503 has the same kind of body as a response with status 200. */
async function readHealth(): Promise<Health> {
  const answer = await fetch(addressOf('/healthz')).catch(() => undefined)
  if (answer === undefined) throw new CallError(0, 'offline', '', '', undefined)
  const health = answer.status === 200 || answer.status === 503 ? ((await answer.json().catch(() => undefined)) as Partial<Health> | undefined) : undefined
  if (health?.checks === undefined) throw new CallError(answer.status, 'unknown', `${answer.status} ${answer.statusText}`, '', answer.headers.get('x-request-id') ?? undefined)
  return health as Health
}

const polled = { refetchInterval: ADMIN_POLL_MS, staleTime: 0 }

export const queueQuery = queryOptions({ queryKey: ['admin', 'queue'], queryFn: () => dataOf(api.GET('/api/v1/admin/queue')), ...polled })
export const workersQuery = queryOptions({ queryKey: ['admin', 'workers'], queryFn: async () => (await dataOf(api.GET('/api/v1/admin/workers'))).workers, ...polled })
export const runningQuery = queryOptions({ queryKey: ['admin', 'running'], queryFn: async () => (await dataOf(api.GET('/api/v1/admin/running'))).running, ...polled })
export const healthQuery = queryOptions({ queryKey: ['admin', 'health'], queryFn: readHealth, ...polled })
