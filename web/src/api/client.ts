// Client of the API: the generated types, the address of the server, and one kind of error.
//
// The browser adds the session cookie by itself; no token is ever in scripts.
import createClient from 'openapi-fetch'
import { noteServerTime } from '../util/clock'
import { suspectSession } from '../util/session-channel'
import { ROOT, send, SITE_HEADER } from './ahead'
import type { components, paths } from './schema'

export type Schema = components['schemas']

export { ROOT } from './ahead'

/** URL of a path from the API, such as a file's `url`. The API omits the site's path prefix. */
export const addressOf = (path: string): string => new URL(path.replace(/^\//, ''), ROOT).href

export const api = createClient<paths>({
  baseUrl: ROOT.href.replace(/\/$/, ''),
  headers: SITE_HEADER,
  fetch: send,
})

/** The user or the guest of this page. The server refuses requests of the page after another user has signed in in another tab. */
let account: string | undefined
/** Whether the account is a user and not a guest, who sees the same as a visitor. */
let isUser = false
/** Number of answers that were those for a visitor, although the page has a user. */
let lost = 0

export const setAccount = (id: string | undefined, isOfUser = false): void => {
  account = id
  isUser = isOfUser
  lost = 0
}

/** The id of this page's user or guest, for requests to which scripts cannot add headers. `undefined`: not known, or neither. */
export const pageUser = (): string | undefined => account

/** Whether the server has answered this page of a user as it answers a visitor, because the session has ended. */
export const isForVisitor = ({ headers }: Response): boolean => isUser && headers.has('x-cupel-visitor')

/** A page may poll every few seconds. The session is checked once per this number of answers for a visitor. */
const LOST_PER_CHECK = 20

api.use({
  onRequest: ({ request, schemaPath }) => {
    // These two concern the browser's session, regardless of its user.
    const isOfBrowser = schemaPath === '/api/v1/session' || schemaPath === '/api/v1/auth/guest'
    if (account !== undefined && !isOfBrowser) request.headers.set('x-cupel-site', account)
  },
  onResponse: ({ response, schemaPath }) => {
    noteServerTime(response.headers.get('date'))
    const isRefused = response.status === 401 && account !== undefined && schemaPath !== '/api/v1/session'
    if (isRefused || (isForVisitor(response) && lost++ % LOST_PER_CHECK === 0)) suspectSession()
  },
})

/** Error of a failed call. The message is the server's if the server answered. */
export class CallError extends Error {
  constructor(
    /** HTTP status; 0 if the server did not answer. */
    readonly status: number,
    readonly code: string,
    readonly title: string,
    readonly detail: string,
    readonly requestId: string | undefined,
    /** Errors of single fields, by JSON pointer. */
    readonly fields: Record<string, Schema['FieldError']> = {},
    /** Seconds after which the server allows another try. */
    readonly retryAfterSeconds?: number | undefined,
  ) {
    super(detail)
  }
}

type Answer<T> = { data?: T; error?: unknown; response: Response }

/** The data of a call. Throws a `CallError` if the call failed. `before`: the user's earlier data, which stay if the session has ended. */
export async function dataOf<T>(call: Promise<Answer<T>>, before?: T): Promise<T> {
  const answer = await answered(call)
  if (before !== undefined && isForVisitor(answer.response)) return before
  if (answer.response.ok) return answer.data as T
  throw refusal(answer)
}

/** The answer to a call, which may be a refusal. */
export async function answered<T>(call: Promise<Answer<T>>): Promise<Answer<T>> {
  try {
    return await call
  } catch {
    throw new CallError(0, 'offline', '', '', undefined)
  }
}

/** The error for an answer that is not the expected one. */
export function refusal({ error, response }: Answer<unknown>): CallError {
  const problem = (typeof error === 'object' && error !== null ? error : {}) as Partial<Schema['ApiError']>
  const fields = Object.fromEntries((problem.errors ?? []).map((fault) => [fault.pointer, fault]))
  const requestId = problem.request_id ?? response.headers.get('x-request-id') ?? undefined
  const title = problem.title ?? `${response.status} ${response.statusText}`
  const wait = Number(response.headers.get('retry-after') ?? NaN)
  const retryAfterSeconds = Number.isInteger(wait) && wait > 0 ? wait : undefined
  return new CallError(response.status, problem.code ?? 'unknown', title, problem.detail ?? '', requestId, fields, retryAfterSeconds)
}
