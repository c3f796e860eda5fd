// API keys, and the user's remaining limits.
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useRef, useState, type FormEvent } from 'react'
import { flushSync } from 'react-dom'
import { keysQuery, usageQuery } from '../api/account'
import { addressOf, api, CallError, dataOf, type Schema } from '../api/client'
import { useKeptFocus } from '../hooks/useKeptFocus'
import { useSend } from '../hooks/useSend'
import { account } from '../i18n/account'
import { useLanguage, useTexts } from '../i18n/messages'
import { Button } from '../ui/Button'
import { CopyButton } from '../ui/CopyButton'
import { Disclosure } from '../ui/Disclosure'
import { Field } from '../ui/Field'
import { Meter } from '../ui/Meter'
import { Select } from '../ui/Select'
import { serverNow } from '../util/clock'
import { count } from '../util/format'
import { visible } from '../util/visible'
import { field } from './AccountPage'
import { Age } from './Age'
import { AskFirst } from './AskFirst'
import { ErrorBox } from './ErrorBox'
import { RowsSkeleton } from './Skeletons'

type Key = Schema['KeyView']
type Scope = Schema['ScopeName']
type Role = 'user' | 'author' | 'admin'

const SCOPES: { scope: Scope; roles: readonly Role[] }[] = [
  { scope: 'runs:read', roles: ['user', 'author', 'admin'] },
  { scope: 'runs:write', roles: ['user', 'author', 'admin'] },
  { scope: 'problems:write', roles: ['author', 'admin'] },
  { scope: 'account', roles: ['user', 'author', 'admin'] },
  { scope: 'admin', roles: ['admin'] },
]
const USUAL: readonly Scope[] = ['runs:read', 'runs:write']

type Lifetime = '30' | '90' | '365' | 'never'
const DAY_MS = 86_400_000

export function AccountKeys({ role }: { role: Role }) {
  const k = useTexts(account).keys
  const found = useQuery(keysQuery)
  const hasEnded = (key: Key) => key.revoked_at != null || (key.expires_at != null && Date.parse(key.expires_at) <= serverNow())
  const live = found.data?.filter((key) => !hasEnded(key)) ?? []
  const ended = found.data?.filter(hasEnded) ?? []
  const place = useKeptFocus(found.data && live.length)
  return (
    <div className="grid grid-cols-1 gap-x-12 gap-y-10 md:grid-cols-2 items-start">
      <section ref={place} tabIndex={-1} className="outline-none">
        <h2 className="text-lg font-semibold">{k.title}</h2>
        <p className="mt-0.5 mb-3 text-muted">{k.detail}</p>
        {found.error !== null && <ErrorBox error={found.error} onRetry={() => void found.refetch()} />}
        {found.data === undefined && found.error === null && <RowsSkeleton />}
        {found.data !== undefined && live.length === 0 && (
          <div className="py-4 border-y border-border">
            <p className="font-semibold">{k.none}</p>
            <p className="mt-0.5 text-muted">{k.noneDetail}</p>
          </div>
        )}
        {live.length > 0 && (
          <ul className="border-t border-border">
            {live.map((key) => (
              <Line key={key.key_id} of={key} />
            ))}
          </ul>
        )}
        {ended.length > 0 && (
          <Disclosure title={k.ended(ended.length)} className="text-muted">
            <ul className="mt-1 border-t border-border">
              {ended.map((key) => (
                <Line key={key.key_id} of={key} isEnded />
              ))}
            </ul>
          </Disclosure>
        )}
      </section>
      <div className="space-y-10">
        <Create role={role} />
        <Usage />
      </div>
    </div>
  )
}

function Line({ of: key, isEnded = false }: { of: Key; isEnded?: boolean }) {
  const { tag } = useLanguage()
  const k = useTexts(account).keys
  const queries = useQueryClient()
  const revoke = useSend({
    mutationFn: () => dataOf(api.DELETE('/api/v1/auth/keys/{key_id}', { params: { path: { key_id: key.key_id } } })),
    onSettled: () => queries.invalidateQueries({ queryKey: keysQuery.queryKey }),
  })
  const end = key.revoked_at ?? key.expires_at
  return (
    <li className="py-2 border-b border-border">
      <div className="flex flex-wrap items-center justify-between gap-x-3 gap-y-2 min-h-9">
        <div className="min-w-0 grow basis-40">
          <p className={`break-words ${isEnded ? 'text-muted' : 'font-medium'}`}>
            {visible(key.name)}
          </p>
          <p className="figure text-muted break-words">{key.scopes.join(' ')}</p>
          <p className="text-sm text-muted">
            {k.createdAt} <Age of={key.created_at} />
            {' · '}
            {key.last_used_at != null ? (
              <>
                {k.usedAt} <Age of={key.last_used_at} />
              </>
            ) : (
              k.neverUsed
            )}
            {' · '}
            {end == null ? (
              k.neverExpires
            ) : (
              <>
                {key.revoked_at != null ? k.revokedAt : isEnded ? k.expiredAt : k.expiresAt}{' '}
                <time dateTime={end} title={new Date(end).toLocaleString(tag)}>
                  {new Date(end).toLocaleDateString(tag, { dateStyle: 'medium' })}
                </time>
              </>
            )}
          </p>
        </div>
        {!isEnded && <AskFirst text={k.revoke} name={k.revokeOne(visible(key.name))} question={k.sure} yes={k.revokeNow} no={k.keep} isPending={revoke.isPending} onYes={() => revoke.mutate()} />}
      </div>
      {revoke.error !== null && <ErrorBox error={revoke.error} />}
    </li>
  )
}

/** A command that shows the key in use. Every key may read the list of languages. */
const exampleOf = ({ api_key: key, key: { scopes } }: { api_key: string; key: Pick<Key, 'scopes'> }): string =>
  `curl -H "Authorization: Bearer ${key}" ${addressOf(scopes.includes('runs:read') ? '/api/v1/submissions' : '/api/v1/languages')}`

function Create({ role }: { role: Role }) {
  const k = useTexts(account).keys
  const queries = useQueryClient()
  const form = useRef<HTMLFormElement>(null)
  const [lifetime, setLifetime] = useState<Lifetime>('90')
  const [isWithout, setIsWithout] = useState(false)
  const create = useSend({
    mutationFn: (body: { name: string; scopes: Scope[]; expires_at?: string }) => dataOf(api.POST('/api/v1/auth/keys', { body })),
    onSuccess: () => {
      form.current?.reset()
      // The page shows the key at once. It does not wait for the list.
      void queries.invalidateQueries({ queryKey: keysQuery.queryKey })
    },
    // The key's text is not cached after the page has shown it.
    gcTime: 0,
  })
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault()
    const form = new FormData(event.currentTarget)
    const scopes = SCOPES.map(({ scope }) => scope).filter((scope) => form.get(scope) !== null)
    setIsWithout(scopes.length === 0)
    if (scopes.length === 0) return
    const expires = lifetime === 'never' ? {} : { expires_at: new Date(serverNow() + Number(lifetime) * DAY_MS).toISOString() }
    create.mutate({ name: field(form, 'name').trim(), scopes, ...expires })
  }
  if (create.data !== undefined) {
    return (
      <section className="p-4 rounded-md border border-accent bg-surface">
        <h2 className="text-lg font-semibold">{k.made}</h2>
        <p role="status" className="mt-0.5">
          {k.once}
        </p>
        <p className="mt-3 flex items-start gap-2">
          <code className="min-w-0 grow px-2 py-1 rounded-sm bg-raised break-all select-all">{create.data.api_key}</code>
          <CopyButton text={create.data.api_key} what={k.text} />
        </p>
        <p className="mt-3">{k.use}</p>
        <p className="mt-1 flex items-start gap-2">
          <code className="min-w-0 grow px-2 py-1 rounded-sm bg-raised break-all select-all">{exampleOf(create.data)}</code>
          <CopyButton text={exampleOf(create.data)} what={k.command} />
        </p>
        <p className="mt-2">
          <a href={addressOf('/docs/')} target="_blank" rel="noopener" className="text-accent-text underline">
            {k.reference}
          </a>
        </p>
        <Button
          className="mt-3"
          autoFocus
          onClick={() => {
            flushSync(() => create.reset())
            form.current?.querySelector<HTMLElement>('[type=submit]')?.focus()
          }}
        >
          {k.done}
        </Button>
      </section>
    )
  }
  const fields = create.error instanceof CallError ? create.error.fields : {}
  return (
    <section>
      <h2 className="mb-3 text-lg font-semibold">{k.create}</h2>
      <form
        ref={form}
        onSubmit={submit}
        onChange={() => {
          setIsWithout(false)
          if (create.isError) create.reset()
        }}
        className="space-y-4"
      >
        <Field label={k.name} hint={k.nameHint} error={fields['/name']} name="name" maxLength={100} autoComplete="off" required className="max-w-sm" />
        <fieldset>
          <legend className="mb-1 font-medium">{k.scopes}</legend>
          {SCOPES.filter(({ roles }) => roles.includes(role)).map(({ scope }) => (
            <label key={scope} className="flex items-center gap-x-2 min-h-7 pointer-coarse:min-h-11">
              <input type="checkbox" name={scope} defaultChecked={USUAL.includes(scope)} className="size-4 shrink-0 accent-(--accent)" />
              <span className="min-w-0 wrap-anywhere">
                {k.scopeTexts[scope]} <code className="text-muted">{scope}</code>
              </span>
            </label>
          ))}
          {isWithout && (
            <p role="alert" className="mt-1 text-wrong text-sm">
              {k.noScope}
            </p>
          )}
        </fieldset>
        <div>
          <p aria-hidden className="mb-1 font-medium">
            {k.expires}
          </p>
          <Select label={k.expires} value={lifetime} options={(['30', '90', '365', 'never'] as const).map((value) => ({ value, text: k.lifetimes[value] }))} onChange={setLifetime} />
        </div>
        {create.error !== null && !('/name' in fields) && <ErrorBox error={create.error} />}
        <Button type="submit" look="primary" disabled={create.isPending}>
          {k.create}
        </Button>
      </form>
    </section>
  )
}

function Usage() {
  const { tag } = useLanguage()
  const u = useTexts(account).usage
  const found = useQuery(usageQuery)
  const usage = found.data
  const n = (value: number) => count(value, tag)
  return (
    <section>
      <h2 className="text-lg font-semibold">{u.title}</h2>
      {usage === undefined ? (
        found.error !== null ? (
          <ErrorBox error={found.error} onRetry={() => void found.refetch()} />
        ) : (
          <RowsSkeleton />
        )
      ) : (
        <>
          <p className="mt-0.5 mb-3 text-muted">{u.tier(Object.hasOwn(u.tiers, usage.tier) ? (u.tiers[usage.tier] ?? usage.tier) : usage.tier)}</p>
          <div className="space-y-3">
            {usage.rates.map((rate) => (
              <Meter
                key={rate.name}
                label={u.rate(rate.name === 'submissions' ? u.rates.submissions : u.rates.reads, n(rate.burst), n(rate.quota), rate.window_seconds)}
                value={rate.remaining}
                max={rate.burst}
                text={u.left(n(rate.remaining), n(rate.burst))}
                colour="bg-strong"
              />
            ))}
            {/* All bars show the remaining amount. */}
            <Meter
              label={u.waiting(n(usage.waiting_max))}
              value={usage.waiting_max - usage.waiting}
              max={usage.waiting_max}
              text={u.left(n(Math.max(0, usage.waiting_max - usage.waiting)), n(usage.waiting_max))}
              colour="bg-strong"
            />
          </div>
        </>
      )}
    </section>
  )
}
