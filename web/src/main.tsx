// Entry point: the query cache, the router and the language.
import { QueryClient, QueryClientProvider } from '@tanstack/react-query'
import { RouterProvider } from '@tanstack/react-router'
import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { CallError } from './api/client'
import { LanguageProvider } from './i18n/messages'
import { makeRouter } from './routes'
import './styles.css'

/** Maximum number of retries of a call that did not reach the server. An error response is not retried. */
const RETRIES_MAX = 2

const queries = new QueryClient({
  defaultOptions: {
    queries: {
      retry: (failures, error) => error instanceof CallError && error.status === 0 && failures < RETRIES_MAX,
      refetchOnWindowFocus: false,
      staleTime: 10_000,
    },
  },
})
const router = makeRouter(queries)

const place = document.getElementById('root')
if (place !== null) {
  createRoot(place).render(
    <StrictMode>
      <LanguageProvider>
        <QueryClientProvider client={queries}>
          <RouterProvider router={router} />
        </QueryClientProvider>
      </LanguageProvider>
    </StrictMode>,
  )
}
