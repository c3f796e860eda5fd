// The real server, on a free port of loopback and with its own data directory; and a proxy with a path prefix.
import { execFileSync, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import http from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const ROOT = new URL('../../', import.meta.url).pathname
const AS_ROOT = join(ROOT, 'scripts/as-root')
const CUPEL = process.env.CUPEL ?? join(ROOT, 'target/debug/cupel')

/** Number of attempts to start a server again. Another process may use the port of one that was killed. */
const AGAIN_TRIES = 20

/**
 * Starts the server, waits until it listens, and returns its address and functions that end it. `kill` ends it at once,
 * like a crash. `again` starts it again with the same address and data. `settings` are environment variables.
 */
export async function startServer(settings = {}) {
  const work = mkdtempSync(join(tmpdir(), 'cupel-e2e-'))
  // One file registers more users than the server permits by default.
  const env = { ...process.env, CUPEL_LANGUAGES__PREPARE: 'false', CUPEL_RATE_LIMITS__REGISTRATIONS_PER_ADDRESS: '1000', ...settings }
  let stderr = ''
  let current
  const begin = async (listen) => {
    const from = stderr.length
    const child = spawn(AS_ROOT, [CUPEL, 'serve', '--listen', listen, '--data', join(work, 'data')], { env })
    const ended = new Promise((resolve) => child.once('exit', resolve))
    current = { child, ended }
    return new Promise((resolve, reject) => {
      child.stdout.on('data', (text) => {
        stderr += text
        const own = stderr.slice(from)
        if (own.includes('Try next')) resolve(/http:\/\/127\.0\.0\.1:\d+/.exec(own)[0])
      })
      child.stderr.on('data', (text) => (stderr += text))
      void ended.then((code) => reject(new Error(`the server ended with ${code}:\n${stderr}`)))
    })
  }
  const url = await begin('127.0.0.1:0')
  const end = async (signal) => {
    // The server's files belong to root, even if the caller is not root.
    spawn(AS_ROOT, ['kill', `-${signal}`, String(current.child.pid)], { stdio: 'ignore' })
    await current.ended
  }
  const stop = async () => {
    await end('TERM')
    rmSync(work, { recursive: true, force: true })
  }
  /** Runs a command on the server's data directory. */
  const command = (...words) => execFileSync(AS_ROOT, [CUPEL, ...words, '--data', join(work, 'data')], { env, encoding: 'utf8' })
  const again = async (tries = AGAIN_TRIES) => {
    try {
      await begin(new URL(url).host)
    } catch (error) {
      if (tries === 1 || !/address.*in use/i.test(error.message)) throw error
      await new Promise((resolve) => setTimeout(resolve, 1_000))
      await again(tries - 1)
    }
  }
  return { url, stop, command, kill: () => end('KILL'), again: () => again(), stderr: () => stderr }
}

/** A proxy on loopback that serves `target()` below `prefix`, which it removes, as a gateway does. */
export async function startProxy(prefix, target) {
  const server = http.createServer((request, response) => {
    if (!request.url.startsWith(`${prefix}/`)) {
      response.writeHead(404).end()
      return
    }
    const { hostname, port } = new URL(target())
    const options = { hostname, port, method: request.method, path: request.url.slice(prefix.length), headers: request.headers }
    const forward = http.request(options, (answer) => {
      response.writeHead(answer.statusCode, answer.headers)
      answer.pipe(response)
    })
    forward.on('error', () => response.destroy())
    request.pipe(forward)
  })
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${server.address().port}${prefix}`
  return { url, stop: () => new Promise((resolve) => (server.close(resolve), server.closeAllConnections())) }
}
