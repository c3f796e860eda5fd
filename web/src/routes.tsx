// The routes of the site. `PAGES` of crates/cupel-web lists the same paths, for which the server sends the page.
import type { QueryClient } from '@tanstack/react-query'
import { createRootRouteWithContext, createRoute, createRouter, lazyRouteComponent, redirect } from '@tanstack/react-router'
import { api, dataOf, ROOT } from './api/client'
import { adopt, sessionQuery } from './api/queries'
import { PageFailed } from './components/PageError'
import { NotFound } from './pages/NotFound'
import { Shell } from './pages/Shell'
import { accountSearch, contestSearch, embedSearch, listSearch, ownPath, pageSearch, playSearch, problemSearch } from './util/search'
import { wayBack } from './util/way-back'

/**
 * The router reloads the tab if the browser says that a script is missing. Without a connection, the user would lose the page. For this
 * error, it shows `PageFailed` instead.
 */
const orFail =
  <T,>(load: () => Promise<T>) =>
  () =>
    load().catch((): never => {
      throw new Error('a script of the page could not be loaded')
    })

const root = createRootRouteWithContext<{ queries: QueryClient }>()({ component: Shell, notFoundComponent: () => <NotFound /> })

const home = createRoute({
  getParentRoute: () => root,
  path: '/',
  beforeLoad: () => {
    throw redirect({ to: '/problems', replace: true })
  },
})

export const problems = createRoute({
  getParentRoute: () => root,
  path: '/problems',
  validateSearch: listSearch,
  component: lazyRouteComponent(orFail(() => import('./pages/ProblemList')), 'ProblemList'),
})

export const problem = createRoute({
  getParentRoute: () => root,
  path: '/problems/$slug',
  validateSearch: problemSearch,
  component: lazyRouteComponent(orFail(() => import('./pages/ProblemPage')), 'ProblemPage'),
})

const playground = createRoute({
  getParentRoute: () => root,
  path: '/playground',
  validateSearch: playSearch,
  component: lazyRouteComponent(orFail(() => import('./pages/Playground')), 'Playground'),
})

export const shared = createRoute({
  getParentRoute: () => root,
  path: '/p/$id',
  validateSearch: embedSearch,
  component: lazyRouteComponent(orFail(() => import('./pages/SharedProgram')), 'SharedProgram'),
})

export const contests = createRoute({
  getParentRoute: () => root,
  path: '/contests',
  validateSearch: pageSearch,
  component: lazyRouteComponent(orFail(() => import('./pages/ContestList')), 'ContestList'),
})

export const contest = createRoute({
  getParentRoute: () => root,
  path: '/contests/$slug',
  validateSearch: contestSearch,
  component: lazyRouteComponent(orFail(() => import('./pages/ContestPage')), 'ContestPage'),
})

const signInSearch = (raw: Record<string, unknown>): { then?: string } => {
  const then = ownPath(raw['then'])
  return then === undefined ? {} : { then }
}

/** A signed-in user needs no form to sign in or register. The server is asked, because the session may have ended. */
const leaveIfSignedIn = async ({ context, search, preload }: { context: { queries: QueryClient }; search: { then?: string }; preload: boolean }) => {
  if (preload) return
  const session = await dataOf(api.GET('/api/v1/session')).catch(() => undefined)
  if (session === undefined) return
  const before = context.queries.getQueryData(sessionQuery.queryKey)?.user?.user_id
  const user = session.user?.user_id
  // The data and drafts of one user must not get into the page of another one, so that the browser loads the page again.
  const isOther = user !== undefined && before !== undefined && before !== user
  if (!isOther) adopt(context.queries, session)
  if (user !== undefined) throw redirect({ ...wayBack(search.then), replace: true, reloadDocument: isOther })
}

export const signIn = createRoute({
  getParentRoute: () => root,
  path: '/sign-in',
  validateSearch: signInSearch,
  beforeLoad: leaveIfSignedIn,
  component: lazyRouteComponent(orFail(() => import('./pages/SignIn')), 'SignIn'),
})

export const register = createRoute({
  getParentRoute: () => root,
  path: '/register',
  validateSearch: signInSearch,
  beforeLoad: leaveIfSignedIn,
  component: lazyRouteComponent(orFail(() => import('./pages/Register')), 'Register'),
})

/** An older link has its token in the query. It moves to the fragment, which is in no request. */
const password = createRoute({
  getParentRoute: () => root,
  path: '/password',
  validateSearch: (raw: Record<string, unknown>): { token?: string } => (typeof raw['token'] === 'string' ? { token: raw['token'] } : {}),
  beforeLoad: ({ search: { token } }) => {
    if (token !== undefined) throw redirect({ to: '/password', search: {}, hash: token, replace: true })
  },
  component: lazyRouteComponent(orFail(() => import('./pages/SetPassword')), 'SetPassword'),
})

export const account = createRoute({
  getParentRoute: () => root,
  path: '/account',
  validateSearch: accountSearch,
  component: lazyRouteComponent(orFail(() => import('./pages/Account')), 'Account'),
})

const admin = createRoute({
  getParentRoute: () => root,
  path: '/admin',
  component: lazyRouteComponent(orFail(() => import('./pages/Admin')), 'Admin'),
})

export const makeRouter = (queries: QueryClient) =>
  createRouter({
    routeTree: root.addChildren([home, problems, problem, playground, shared, contests, contest, signIn, register, password, account, admin]),
    basepath: ROOT.pathname,
    context: { queries },
    defaultPreload: 'intent',
    defaultErrorComponent: PageFailed,
    scrollRestoration: true,
  })

declare module '@tanstack/react-router' {
  interface Register {
    router: ReturnType<typeof makeRouter>
  }
}
