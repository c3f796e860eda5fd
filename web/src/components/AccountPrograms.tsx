// The list of the programs that a user shares by link, with a button that ends the sharing.
import { keepPreviousData, useQuery, useQueryClient } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useState } from 'react'
import { ownProgramsQuery } from '../api/account'
import { api, CallError, dataOf, type Schema } from '../api/client'
import { languagesQuery } from '../api/queries'
import { useAccountPage } from '../hooks/useAccountPage'
import { useKeptFocus } from '../hooks/useKeptFocus'
import { useLastPage } from '../hooks/useLastPage'
import { useSend } from '../hooks/useSend'
import { account } from '../i18n/account'
import { useTexts } from '../i18n/messages'
import { buttonClass } from '../ui/Button'
import { CopyButton } from '../ui/CopyButton'
import { visible } from '../util/visible'
import { Age } from './Age'
import { AskFirst } from './AskFirst'
import { ErrorBox } from './ErrorBox'
import { Pager } from './Pager'
import { RowsSkeleton } from './Skeletons'

export function AccountPrograms() {
  const p = useTexts(account).programs
  const [page, setPage] = useAccountPage()
  const [notice, setNotice] = useState('')
  const found = useQuery({ ...ownProgramsQuery(page), placeholderData: keepPreviousData })
  const isAfterLast = useLastPage(found, (last) => setPage(last, true))
  const data = isAfterLast ? undefined : found.data
  const place = useKeptFocus(data?.pagination.total)
  const pages = data === undefined ? 1 : Math.max(1, Math.ceil(data.pagination.total / data.pagination.limit))
  return (
    <section ref={place} tabIndex={-1} className="outline-none max-w-3xl">
      <h2 className="text-lg font-semibold">{p.title}</h2>
      <p className="mt-0.5 mb-3 text-muted">{p.detail}</p>
      {found.error !== null && <ErrorBox error={found.error} onRetry={() => void found.refetch()} />}
      {data === undefined && found.error === null && <RowsSkeleton />}
      {data?.pagination.total === 0 && (
        <div className="py-4 border-y border-border">
          <p className="font-semibold">{p.none}</p>
          <p className="mt-0.5 text-muted">{p.noneDetail}</p>
          <Link to="/playground" className={`${buttonClass('primary')} mt-4`}>
            {p.begin}
          </Link>
        </div>
      )}
      {data !== undefined && data.snippets.length > 0 && (
        <ul className="border-t border-border">
          {data.snippets.map((one) => (
            <Line
              key={one.snippet_id}
              of={one}
              onEnded={() => {
                setNotice(p.ended)
                // The only entry of the last page was removed.
                if (data.snippets.length === 1 && page > 1) setPage(page - 1)
              }}
            />
          ))}
        </ul>
      )}
      <Pager label={p.title} page={page} pages={pages} onPage={setPage} />
      <p role="status" className="mt-2 text-accepted">
        {notice}
      </p>
    </section>
  )
}

function Line({ of: program, onEnded }: { of: Schema['OwnSnippetView']; onEnded: () => void }) {
  const p = useTexts(account).programs
  const queries = useQueryClient()
  const languages = useQuery(languagesQuery)
  const id = program.snippet_id
  const end = useSend({
    mutationFn: () =>
      dataOf(api.DELETE('/api/v1/snippets/{snippet_id}', { params: { path: { snippet_id: id } } })).catch((error: unknown) => {
        // The sharing was ended in another window.
        if (!(error instanceof CallError && error.status === 404)) throw error
      }),
    onSuccess: onEnded,
    onSettled: () => Promise.all([queries.invalidateQueries({ queryKey: ['own', 'programs'] }), queries.removeQueries({ queryKey: ['shared', id] })]),
  })
  const title = visible(program.title) || id
  const language = languages.data?.languages.find((one) => one.language_id === program.language)?.display_name ?? program.language
  return (
    <li className="py-2 border-b border-border">
      <div className="flex flex-wrap items-center justify-end gap-x-1 gap-y-2 min-h-9">
        <div className="min-w-0 grow basis-60 sm:basis-28 pr-2">
          <Link to="/p/$id" params={{ id }} className="block truncate figure text-accent-text hover:underline" title={title}>
            {title}
          </Link>
          <p className="text-sm text-muted">
            {language} {' · '} {p.shared} <Age of={program.shared_at} />
          </p>
        </div>
        <CopyButton text={program.url} what={p.linkOf(title)} />
        <AskFirst text={p.end} name={p.endOne(title)} question={p.sure} yes={p.endNow} no={p.keep} isPending={end.isPending} onYes={() => end.mutate()} />
      </div>
      {end.error !== null && <ErrorBox error={end.error} />}
    </li>
  )
}
