// Build of the site. Paths are relative, so that it works below any path prefix (see `<base>` in index.html).
import tailwindcss from '@tailwindcss/vite'
import react from '@vitejs/plugin-react'
import type { Plugin } from 'vite'
import { defineConfig } from 'vitest/config'

/** KaTeX lists every font in three formats; every browser that runs the site reads the first. */
const onlyWoff2: Plugin = {
  name: 'only-woff2',
  enforce: 'pre',
  transform: (code, id) =>
    id.includes('katex') && id.includes('.css') ? code.replace(/,url\([^)]*\) format\("(?:woff|truetype)"\)/g, '') : undefined,
}

export default defineConfig({
  base: './',
  plugins: [onlyWoff2, react(), tailwindcss()],
  build: {
    target: 'es2022',
    // The content security policy allows no `data:` URLs.
    assetsInlineLimit: 0,
    // A helper that vite would otherwise add inline.
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 700,
  },
  test: { include: ['src/**/*.spec.ts'] },
  server: { proxy: { '/api': 'http://127.0.0.1:8080' } },
})
