// The Socket.IO gateway with the official client, unmodified, against the real server, over each transport.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, before, test } from 'node:test'
import { io } from 'socket.io-client'
import { startServer } from '../e2e/server.mjs'

/** Maximum time to wait for a condition. A wait ends as soon as its condition holds. */
const PATIENCE_MS = 60_000
const PASSWORD = 'correct horse battery'
const SLUG = 'calm-water'
const RIGHT = readFileSync(new URL(`../../problems/${SLUG}/submissions/accepted/queues.py`, import.meta.url), 'utf8')
const NO_ID = '00000000-0000-4000-8000-000000000000'
const ROOMS_MAX = 32
/** Maximum number of connections and rooms that a user may have open. */
const OPEN_MAX = 128
/** Delay of runs whose rooms stay open meanwhile. The server refuses rooms of runs that start after more than a minute. */
const RUN_AFTER_MS = 55_000

let server
/** Access tokens of two users. */
let token
let other
before(async () => {
  server = await startServer({ CUPEL_RATE_LIMITS__TIERS__BASIC__READS_BURST: '100000', CUPEL_RATE_LIMITS__TIERS__BASIC__SUBMISSIONS_BURST: '1000' })
  ;[token, other] = [await user(), await user()]
})
after(() => server?.stop())

async function call(token, method, path, body) {
  const headers = { 'content-type': 'application/json', ...(token && { authorization: `Bearer ${token}` }) }
  const answer = await fetch(`${server.url}/api/v1${path}`, { method, headers, ...(body && { body: JSON.stringify(body) }) })
  const text = await answer.text()
  assert.ok(answer.ok, `${method} ${path}: ${answer.status} ${text}`)
  return text === '' ? undefined : JSON.parse(text)
}

let made = 0
let cups = 0
/** The access token of a new user. */
async function user() {
  made += 1
  const [username, email] = [`listener-${made}`, `listener-${made}@example.com`]
  await call(undefined, 'POST', '/auth/register', { username, email, password: PASSWORD })
  return (await call(undefined, 'POST', '/auth/login', { email, password: PASSWORD })).access_token
}

/** A new client, which no other test uses. */
const client = (transports, options) =>
  io(server.url, { path: '/api/v1/socket.io', transports, forceNew: true, reconnection: false, timeout: PATIENCE_MS, ...options })

/** A connected client. `heard` has its events in order. */
async function connected(transports, options) {
  const socket = client(transports, options)
  const heard = []
  const waiting = new Set()
  socket.onAny((kind, message) => {
    heard.push({ kind, ...message })
    for (const look of waiting) look()
  })
  await new Promise((resolve, reject) => {
    socket.once('connect', resolve)
    socket.once('connect_error', reject)
  })
  /** Waits for the first event for which `is` returns true. */
  const event = (is) =>
    new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`no such event among ${JSON.stringify(heard)}`)), PATIENCE_MS)
      const look = () => {
        const found = heard.find(is)
        if (found === undefined) return
        clearTimeout(timer)
        waiting.delete(look)
        resolve(found)
      }
      waiting.add(look)
      look()
    })
  const send = (name, message) => socket.timeout(PATIENCE_MS).emitWithAck(name, message)
  return { socket, heard, event, send }
}

const bearer = (token) => ({ extraHeaders: { authorization: `Bearer ${token}` } })
const refusal = (transports, options) =>
  new Promise((resolve, reject) => {
    const socket = client(transports, options)
    socket.once('connect', () => reject(new Error('it is connected')))
    socket.once('connect_error', (error) => (socket.close(), resolve(error)))
  })

for (const transports of [['polling'], ['websocket'], ['polling', 'websocket']]) {
  const name = transports.join(', then ')

  test(`${name}: a room of a submission has the events of its stream`, async () => {
    const { socket, heard, event, send } = await connected(transports, bearer(token))
    const source_code = 'print("first", flush=True)\nprint("\\u00e9" * 40000)'
    const { submission_id: id } = await call(token, 'POST', '/execute', { language: 'python', source_code })
    const room = `submission:${id}`
    assert.deepEqual(await send('join', { room }), { room })
    const verdict = await event(({ kind }) => kind === 'verdict')
    assert.deepEqual([verdict.room, verdict.event, verdict.data.verdict, verdict.data.submission_id], [room, 'verdict', 'AC', id])
    assert.equal(heard[0].event, 'queued')
    for (const { kind, event: of } of heard) assert.equal(kind, of === 'output' || of === 'verdict' ? of : 'status')
    const text = heard.filter(({ kind }) => kind === 'output').map(({ data }) => data.text).join('')
    assert.equal(text, `first\n${'é'.repeat(40_000)}\n`)

    // The events equal those of the stream, and the client can start at any event.
    const stream = await fetch(`${server.url}/api/v1/execute/${id}/events`, { headers: { authorization: `Bearer ${token}` } })
    const events = (await stream.text()).split('\n\n').flatMap((block) => /^data: ?(.*)$/m.exec(block)?.[1] ?? []).map((text) => JSON.parse(text))
    const [start, end] = [heard.length, events.length]
    assert.deepEqual(await send('join', { room, after: events[0].seq }), { room })
    await event((one) => heard.indexOf(one) >= start && one.kind === 'verdict')
    assert.deepEqual(heard.slice(start).map(({ data }) => data), events.slice(1, end))
    if (transports.length === 1) assert.equal(socket.io.engine.transport.name, transports[0])
    socket.close()
  })

  test(`${name}: rooms of a problem and of a contest have the events of the user's own submissions`, async () => {
    const admin = /API key: (\S+)/.exec(server.stderr())[1]
    cups += 1
    const slug = `cup-${cups}`
    const starts_at = new Date(Date.now() - 3_600_000).toISOString()
    await call(admin, 'POST', '/contests', { slug, title: slug, style: 'icpc', starts_at, length_seconds: 7200, public: true, problems: [SLUG] })
    await call(token, 'POST', `/contests/${slug}/participation`, { kind: 'official' })
    const rooms = [`problem:${SLUG}`, `contest:${slug}`]
    const [mine, theirs] = [await connected(transports, bearer(token)), await connected(transports, bearer(other))]
    for (const room of rooms) {
      assert.deepEqual(await mine.send('join', { room }), { room })
      assert.deepEqual(await theirs.send('join', { room }), { room })
    }
    const body = { language: 'python', source_code: RIGHT }
    const { submission_id: id } = await call(token, 'POST', `/problems/${SLUG}/submissions`, body)
    for (const room of rooms) {
      const verdict = await mine.event((one) => one.kind === 'verdict' && one.room === room)
      assert.deepEqual([verdict.data.submission_id, verdict.data.verdict], [id, 'AC'])
    }
    // The other user's submission is sent later. No event was received before it.
    const { submission_id: own } = await call(other, 'POST', `/problems/${SLUG}/submissions`, body)
    await theirs.event((one) => one.kind === 'verdict')
    assert.deepEqual([...new Set(theirs.heard.map(({ data }) => data.submission_id))], [own])
    mine.socket.close()
    theirs.socket.close()
  })

  test(`${name}: a refused join is acknowledged with a typed error, and the connection stays open`, async () => {
    const { submission_id: id } = await call(other, 'POST', '/execute', { language: 'python', source_code: 'print(1)' })
    const { socket, heard, send } = await connected(transports, bearer(token))
    const code = async (name, message) => (await send(name, message)).error?.code
    for (const room of [`submission:${id}`, `submission:${NO_ID}`, 'submission:x', 'problem:none', 'contest:none']) {
      assert.equal(await code('join', { room }), 'not-found', room)
    }
    const { error } = await send('join', { room: 'planet:earth' })
    assert.deepEqual([error.code, error.status, error.errors[0].pointer], ['invalid-body', 422, '/room'])
    assert.ok(error.request_id)
    for (const message of [undefined, 7, 'problem:x', [], {}, { room: 7 }, { room: `problem:${SLUG}`, more: 1 }]) {
      assert.equal(await code('join', message), 'invalid-body', JSON.stringify(message))
    }
    assert.deepEqual(await send('jion', { room: `problem:${SLUG}` }).then(({ error }) => [error.code, error.detail]), ['invalid-body', 'There is no event `jion`. A client sends `join` or `leave`.'])
    const room = `problem:${SLUG}`
    assert.equal(await code('leave', { room }), 'conflict')
    assert.deepEqual(await send('join', { room }), { room })
    assert.equal(await code('join', { room }), 'conflict')
    assert.deepEqual(await send('leave', { room }), { room })
    assert.deepEqual(heard, [])
    socket.close()
  })

  test(`${name}: the handshake needs a credential, and takes a ticket once`, async () => {
      for (const options of [{}, { query: { ticket: 'nonsense' } }, { extraHeaders: { authorization: 'Bearer nonsense' } }]) {
      assert.equal((await refusal(transports, options)).message, `${transports[0] === 'polling' ? 'xhr poll' : 'websocket'} error`)
    }
    const { ticket } = await call(token, 'POST', '/tickets', {})
    const { socket, send } = await connected(transports, { query: { ticket } })
    assert.equal((await send('join', { room: `submission:${NO_ID}` })).error.code, 'not-found')
    await refusal(transports, { query: { ticket } })
    socket.close()
  })
}

test('the number of rooms per connection is bounded', async () => {
  const { socket, send } = await connected(['websocket'], bearer(token))
  const body = { language: 'python', source_code: 'input()' }
  const joins = []
  for (let n = 0; n <= ROOMS_MAX; n += 1) {
    const { submission_id: id } = await call(token, 'POST', '/execute', { ...body, run_at: new Date(Date.now() + RUN_AFTER_MS).toISOString() })
    joins.push(await send('join', { room: `submission:${id}` }))
  }
  assert.deepEqual(joins.slice(0, ROOMS_MAX).filter(({ error }) => error !== undefined), [])
  const { error, retry_after } = joins[ROOMS_MAX]
  assert.deepEqual([error.code, retry_after], ['rate-limited', 1])
  socket.close()
})

for (const transport of ['polling', 'websocket']) {
  test(`${transport}: a connection ends with the session or the key that opened it`, async () => {
    const owner = await user()
    const made = await call(owner, 'POST', '/auth/keys', { name: 'a listener', scopes: ['runs:read'] })
    const byKey = await connected([transport], bearer(made.api_key))
    const revoked = new Promise((resolve) => byKey.socket.once('disconnect', resolve))
    const bySession = await connected([transport], bearer(owner))
    await call(owner, 'DELETE', `/auth/keys/${made.key.key_id}`)
    assert.equal(await revoked, 'io server disconnect')
    assert.deepEqual(await bySession.send('join', { room: `problem:${SLUG}` }), { room: `problem:${SLUG}` })
    const ended = new Promise((resolve) => bySession.socket.once('disconnect', resolve))
    await call(owner, 'POST', '/auth/logout')
    assert.equal(await ended, 'io server disconnect')
  })
}

test('a message that is too large ends the connection but not the server', async () => {
  for (const transport of ['polling', 'websocket']) {
    const { socket } = await connected([transport], bearer(token))
    const ended = new Promise((resolve) => socket.once('disconnect', resolve))
    socket.emit('join', { room: 'x'.repeat(100_000) })
    assert.match(await ended, /transport/)
  }
  const { socket, send } = await connected(['polling'], bearer(token))
  assert.equal((await send('join', { room: 'problem:none' })).error.code, 'not-found')
  socket.close()
})

test('connections that have ended in any way are no longer counted', async () => {
  for (const transport of ['websocket', 'polling']) {
    for (let n = 0; n <= OPEN_MAX / 4; n += 1) {
      const some = await Promise.all([0, 1, 2, 3].map(() => connected([transport], bearer(token))))
      // Half of the connections end without leaving their room. A WebSocket may also break without a close frame.
      for (const { send } of some.slice(0, 2)) assert.equal((await send('join', { room: `problem:${SLUG}` })).error, undefined)
      for (const [at, { socket }] of some.entries()) {
        if (transport === 'websocket' && at % 2 === 0) socket.io.engine.transport.ws.terminate()
        else socket.close()
      }
    }
  }
  const { socket, send } = await connected(['websocket'], bearer(token))
  assert.equal((await send('join', { room: `problem:${SLUG}` })).error, undefined)
  socket.close()
})

test('a join that is followed at once by a disconnect opens no room', async () => {
  const owner = await user()
  const room = `problem:${SLUG}`
  // If the room stayed open, it would count together with its connection, and the server would refuse a later connection.
  for (const transport of ['websocket', 'polling']) {
    for (let n = 0; n < OPEN_MAX; n += 1) {
      const { socket } = await connected([transport], bearer(owner))
      socket.emit('join', { room })
      socket.disconnect()
    }
  }
  const last = await Promise.all([0, 1].map(() => connected(['websocket'], bearer(owner))))
  for (const { send } of last) assert.deepEqual(await send('join', { room }), { room })
  for (const { socket } of last) socket.close()
})

test('a client that does not poll delays no other client, and gets all events or a `gap`', async () => {
  const headers = { authorization: `Bearer ${token}` }
  const place = `${server.url}/api/v1/socket.io/?EIO=4&transport=polling`
  const handshake = await (await fetch(place, { headers })).text()
  const { sid } = JSON.parse(handshake.slice(1))
  // Later requests of the connection need no credential.
  const post = (packet) => fetch(`${place}&sid=${sid}`, { method: 'POST', body: packet })
  const poll = async () => {
    const answer = await fetch(`${place}&sid=${sid}`)
    // The server has closed a connection whose pings had no answer for half a minute.
    assert.equal(answer.status, 200)
    const packets = (await answer.text()).split('\x1e')
    if (packets.includes('2')) await post('3')
    return packets
  }
  await post('40')
  while (!(await poll()).some((packet) => packet.startsWith('40')));

  const source_code = 'import sys, time\nfor n in range(30):\n    sys.stdout.write("x" * 60000)\n    sys.stdout.flush()\n    time.sleep(0.06)'
  const limits = { output_kb: 8_000 }
  const { submission_id: id } = await call(token, 'POST', '/execute', { language: 'python', source_code, limits })
  const room = `submission:${id}`
  await post(`420${JSON.stringify(['join', { room }])}`)
  const polite = await connected(['websocket'], bearer(token))
  assert.deepEqual(await polite.send('join', { room }), { room })
  assert.equal((await polite.event(({ kind }) => kind === 'verdict')).data.verdict, 'AC')
  polite.socket.close()

  let last = 0
  let bytes = 0
  let missed = false
  for (let isOver = false; !isOver; ) {
    for (const packet of await poll()) {
      if (!packet.startsWith('42')) continue
      const [kind, message] = JSON.parse(packet.slice(2))
      if (message.event === 'gap') missed = true
      else assert.ok(message.data.seq > last, 'numbers grow')
      last = message.data.seq
      bytes += message.data.text?.length ?? 0
      isOver = kind === 'verdict'
    }
  }
  assert.ok(missed || bytes === 1_800_000, `${bytes} bytes, and no gap`)
})
