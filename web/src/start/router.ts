// A step of `main.ts`.
export { createRouter } from '@tanstack/react-router'
