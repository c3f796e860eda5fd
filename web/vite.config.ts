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

/**
 * xterm.js writes style elements and style attributes, which the content security policy forbids. Its style elements
 * are replaced by `<terminal-style>` (src/terminal/style.ts), and its style attributes by style properties.
 */
const xtermStyles: Plugin = {
  name: 'xterm-styles',
  enforce: 'pre',
  transform: (code, id) => {
    if (!/@xterm\/xterm\/lib\/xterm\.mjs/.test(id)) return undefined
    const elements = 'createElement("style")'
    const attribute = /(\w+)\.setAttribute\("style",(`[^`]*`)\)/g
    const found = [code.split(elements).length - 1, code.match(attribute)?.length ?? 0, code.split('"style"').length - 1]
    if (found.join() !== '3,1,5') throw new Error(`this version of xterm.js sets its styles in other ways: ${found.join()}`)
    return code.replaceAll(elements, 'createElement("terminal-style")').replace(attribute, '$1.style.cssText=$2')
  },
}

/**
 * KaTeX gives stretched signs (`\vec`, `\overbrace`), bold signs and framed formulas a style attribute, which the
 * content security policy forbids. The attribute is replaced by style properties.
 */
const katexStyles: Plugin = {
  name: 'katex-styles',
  enforce: 'pre',
  transform: (code, id) => {
    if (!/katex\/dist\/katex\.mjs/.test(id)) return undefined
    const anyAttribute = /node\.setAttribute\(attr, (this\.attributes\[attr\]|value)\)/g
    const found = [code.match(anyAttribute)?.length ?? 0, code.split('setAttribute(attr').length - 1]
    if (found.join() !== '4,7') throw new Error(`this version of KaTeX sets its attributes in other ways: ${found.join()}`)
    return code.replace(anyAttribute, '(attr === "style" ? (node.style.cssText = $1) : node.setAttribute(attr, $1))')
  },
}

export default defineConfig({
  base: './',
  plugins: [onlyWoff2, xtermStyles, katexStyles, react(), tailwindcss()],
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
