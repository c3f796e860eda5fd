// The person's own account: progress, shared programs, password and sessions, API keys and limits.
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { meQuery } from '../api/account'
import { sessionQuery } from '../api/queries'
import { AccountKeys } from '../components/AccountKeys'
import { AccountPrograms } from '../components/AccountPrograms'
import { AccountProgress } from '../components/AccountProgress'
import { AccountSecurity } from '../components/AccountSecurity'
import { AccountSubmissions } from '../components/AccountSubmissions'
import { PageError } from '../components/PageError'
import { PageSkeleton } from '../components/Skeletons'
import { useHere } from '../hooks/useHere'
import { useTitle } from '../hooks/useTitle'
import { account as catalogue } from '../i18n/account'
import { useLanguage, useTexts } from '../i18n/messages'
import { account as route } from '../routes'
import { buttonClass } from '../ui/Button'
import { intoView, tabClass, tabListClass } from '../ui/tab'
import { accountSearch } from '../util/search'

export function Account() {
  const { messages: m, tag } = useLanguage()
  const a = useTexts(catalogue)
  // The search of a page that is opened by its address has what `accountSearch` leaves out, too.
  const view = accountSearch(route.useSearch()).view ?? 'progress'
  const here = useHere()
  const session = useQuery(sessionQuery)
  const user = session.data?.user
  const me = useQuery({ ...meQuery, enabled: user != null })
  useTitle(a.title)
  if (session.data === undefined) {
    return session.error === null ? <PageSkeleton tabs={5} rows={5} /> : <PageError queries={[session]} />
  }
  if (user == null) {
    return (
      <div className="py-16 px-4 text-center">
        <h1 className="text-lg font-semibold">{a.title}</h1>
        <p className="mt-1 text-muted">{a.signInFirst}</p>
        <Link to="/sign-in" search={{ then: here }} className={`${buttonClass('primary')} mt-4`}>
          {m.menu.signIn}
        </Link>
      </div>
    )
  }
  const role = user.role === 'admin' || user.role === 'author' ? user.role : 'user'
  return (
    <div className="w-full max-w-5xl mx-auto px-3 sm:px-4 py-5 sm:py-8">
      <h1 className="text-2xl font-semibold tracking-tight break-words">
        <span className="sr-only">{m.heading(a.title)}</span>
        {user.username}
      </h1>
      <p className="mt-1 min-h-5 text-sm text-muted break-words">
        {me.data !== undefined && [a.roles[role], me.data.email, a.since(new Date(me.data.created_at).toLocaleDateString(tag, { dateStyle: 'medium' }))].filter(Boolean).join(' · ')}
      </p>
      <nav aria-label={a.title} className={`mt-5 ${tabListClass}`}>
        {(['progress', 'submissions', 'programs', 'security', 'keys'] as const).map((one) => (
          <Link
            key={one}
            ref={one === view ? intoView : null}
            to="/account"
            search={one === 'progress' ? {} : { view: one }}
            resetScroll={false}
            activeOptions={{ exact: true, includeSearch: true }}
            aria-current={one === view ? 'page' : undefined}
            className={tabClass(one === view)}
          >
            {a.views[one]}
          </Link>
        ))}
      </nav>
      <div className="mt-6">
        {view === 'progress' && <AccountProgress />}
        {view === 'submissions' && <AccountSubmissions />}
        {view === 'programs' && <AccountPrograms />}
        {view === 'security' && <AccountSecurity username={user.username} />}
        {view === 'keys' && <AccountKeys role={role} />}
      </div>
    </div>
  )
}
