// A step of `main.ts`.
export { QueryClient } from '@tanstack/react-query'
