// Writes src/api/schema.d.ts: the types of the operations that the site calls, from the server's OpenAPI document.
//
//   cupel openapi | node generate-api.mjs            writes the file
//   cupel openapi | node generate-api.mjs --check    fails if the file differs
import { readFileSync, writeFileSync } from 'node:fs'
import { text } from 'node:stream/consumers'
import openapiTS, { astToString } from 'openapi-typescript'

const OPERATIONS = new Set([
  'session', 'open_guest', 'sign_in', 'sign_out', 'register', 'languages', 'problems', 'problem', 'problem_editorial',
  'run_solution', 'submit_solution', 'submissions', 'submissions_to_problem', 'submission_in_full', 'events',
  'contests', 'contest', 'standings', 'take_part', 'withdraw', 'clarifications', 'ask',
  'me', 'change_me', 'password_link', 'reset_password', 'change_password', 'sessions', 'end_session', 'delete_account', 'keys', 'create_key', 'revoke_key', 'progress', 'activity', 'usage',
  'queue', 'workers', 'running', 'announce', 'answer', 'change_contest',
  'draft', 'save_draft', 'draft_revisions', 'draft_revision', 'distribution',
  'share_program', 'shared_program', 'own_programs', 'unshare_program',
])
const HEADER = '// Generated from the OpenAPI document by generate-api.mjs. Do not edit.\n\n'

const document = JSON.parse(await text(process.stdin))
const found = new Set()
for (const [path, item] of Object.entries(document.paths)) {
  for (const [method, operation] of Object.entries(item)) {
    if (OPERATIONS.has(operation.operationId)) found.add(operation.operationId)
    else delete item[method]
  }
  if (Object.keys(item).length === 0) delete document.paths[path]
}
const missing = [...OPERATIONS].filter((id) => !found.has(id))
if (missing.length > 0) throw new Error(`the document lacks these operations: ${missing.join(', ')}`)
delete document.webhooks
// The examples of errors are for readers of the document.
for (const item of Object.values(document.paths)) {
  for (const { responses = {} } of Object.values(item)) {
    for (const { content = {} } of Object.values(responses)) delete content['application/problem+json']?.example
  }
}

// Only the schemas that these operations refer to, directly or not.
const reached = new Set()
const follow = (value) => {
  if (Array.isArray(value)) return value.forEach(follow)
  if (typeof value !== 'object' || value === null) return
  const name = typeof value.$ref === 'string' ? value.$ref.split('/').pop() : undefined
  if (name !== undefined && !reached.has(name)) {
    reached.add(name)
    follow(document.components.schemas[name])
  }
  Object.values(value).forEach(follow)
}
follow(document.paths)
for (const name of Object.keys(document.components.schemas)) {
  if (!reached.has(name)) delete document.components.schemas[name]
}
document.components = { schemas: document.components.schemas }

const file = new URL('./src/api/schema.d.ts', import.meta.url)
const made = HEADER + astToString(await openapiTS(document, { defaultNonNullable: false }))
if (!process.argv.includes('--check')) writeFileSync(file, made)
else if (readFileSync(file, 'utf8') !== made) {
  console.error('error: web/src/api/schema.d.ts is out of date: run `cupel openapi | node generate-api.mjs` in web/')
  process.exit(1)
}
