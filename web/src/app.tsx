// The application: query cache, router and language. `main.ts` calls `start`.
import { QueryClient, QueryClientProvider } from '@tanstack/react-query'
import { RouterProvider } from '@tanstack/react-router'
import { startTransition, StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { CallError } from './api/client'
import type { Messages } from './i18n/en'
import { LanguageProvider } from './i18n/messages'
import { makeRouter } from './routes'

/** Maximum number of retries of a call that did not reach the server. An error response is not retried. */
const RETRIES_MAX = 2

const queries = new QueryClient({
  defaultOptions: {
    queries: {
      retry: (failures, error) => error instanceof CallError && error.status === 0 && failures < RETRIES_MAX,
      // If there is no connection, calls fail at once, so that the page shows an error.
      networkMode: 'always',
      refetchOnReconnect: true,
      refetchOnWindowFocus: false,
      staleTime: 10_000,
    },
    mutations: { networkMode: 'always' },
  },
})
const router = makeRouter(queries)

/** Shows the site. `messages`: the texts of the chosen language. */
export function start(messages: Messages): void {
  const place = document.getElementById('root')
  if (place === null) return
  const root = createRoot(place)
  // React renders a transition in short tasks.
  startTransition(() =>
    root.render(
      <StrictMode>
        <LanguageProvider messages={messages}>
          <QueryClientProvider client={queries}>
            <RouterProvider router={router} />
          </QueryClientProvider>
        </LanguageProvider>
      </StrictMode>,
    ),
  )
}
