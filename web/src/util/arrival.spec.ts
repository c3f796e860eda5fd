import { expect, test } from 'vitest'
import { arrivalOf, type Arrival } from './arrival'

const failed = (status: number, code = 'unknown') => Object.assign(new Error(), { status, code })

const CASES: [what: string, error: unknown, isOnline: boolean, expected: Arrival][] = [
  ['no connection when the attempt began', failed(0, 'offline'), false, 'absent'],
  ['the connection was lost before or after the body, a browser\'s timeout, or a cancelled request', failed(0, 'offline'), true, 'unknown'],
  ['an error that is not from the client of the API', new SyntaxError('no JSON'), true, 'unknown'],
  ['a value that is no error', undefined, true, 'unknown'],
  ['a redirect that was not followed', failed(302), true, 'unknown'],
  ['a body that the server refuses', failed(400, 'invalid-json'), true, 'refused'],
  ['the end of the session', failed(401, 'unauthorized'), true, 'absent'],
  ['a problem that the user may not submit to', failed(403, 'forbidden'), true, 'refused'],
  ['a problem that is gone', failed(404, 'not-found'), true, 'refused'],
  ['a proxy that asks for a sign-in', failed(407), true, 'absent'],
  ['a body that arrived too slowly', failed(408, 'request-timeout'), true, 'absent'],
  ['a state that does not permit it', failed(409, 'conflict'), true, 'refused'],
  ['a body that is too large', failed(413, 'body-too-large'), true, 'refused'],
  ['a language that the server does not have', failed(422, 'unknown-language'), true, 'refused'],
  ['a key of another request', failed(422, 'idempotency-mismatch'), true, 'refused'],
  ['a gateway that does not repeat early data', failed(425), true, 'absent'],
  ['the rate limit', failed(429, 'rate-limited'), true, 'absent'],
  ['too many waiting programs', failed(429, 'too-many-waiting'), true, 'absent'],
  ['a failure of the server', failed(500, 'internal'), true, 'unknown'],
  ['a gateway that got no complete answer', failed(502), true, 'unknown'],
  ['a gateway that has no server, or has lost it', failed(503), true, 'unknown'],
  ['a store that does not answer', failed(503, 'unavailable'), true, 'unknown'],
  ['a full queue', failed(503, 'queue-full'), true, 'absent'],
  ['a language that no worker has', failed(503, 'no-worker'), true, 'absent'],
  ['a full disk', failed(503, 'disk-full'), true, 'absent'],
  ['a gateway that has waited too long', failed(504), true, 'unknown'],
  ['the timeout of a gateway with a status of its own', failed(524), true, 'unknown'],
]

test.each(CASES)('%s', (_what, error, isOnline, expected) => {
  expect(arrivalOf(error, isOnline)).toBe(expected)
})
