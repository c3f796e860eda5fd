// A step of `main.ts`.
export { createRoot } from 'react-dom/client'
