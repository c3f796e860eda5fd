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

/** The package of the Emacs keys marks the calls that bind its keys as free of effects, so that they would be left out. */
const emacsKeys: Plugin = {
  name: 'emacs-keys',
  enforce: 'pre',
  transform: (code, id) => {
    if (!/@replit\/codemirror-emacs\/dist\/index\.js/.test(id)) return undefined
    const parts = code.split('/*@__PURE__*/EmacsHandler.')
    if (parts.length !== 3) throw new Error('this version of codemirror-emacs binds its keys in another way')
    return parts.join('EmacsHandler.')
  },
}

/** Files are loaded before they are imported (src/util/fetched.ts). For that, vite's own helper, which surrounds each import, is wrapped. */
const fetchedFirst: Plugin = {
  name: 'fetched-first',
  transform: (code, id) => {
    if (id !== '\0vite/preload-helper.js') return undefined
    const parts = code.split('export const __vitePreload = ')
    if (parts.length !== 2 || !code.includes('assetsURL = function(dep, importerUrl)')) throw new Error('this version of vite imports scripts in another way')
    return [
      `import { fetched } from ${JSON.stringify(new URL('src/util/fetched.ts', import.meta.url).pathname)}`,
      parts.join('const viteImport = '),
      'export const __vitePreload = (load, files = [], importer) => fetched(files.map((file) => assetsURL(file, importer))).then(() => viteImport(load, files, importer))',
    ].join('\n')
  },
}

/** Scripts of pages that are loaded before the router asks for them: a pattern of the page's path below the root, and modules. */
const PAGE_SCRIPTS: [pattern: string, modules: string[]][] = [
  ['^(problems)?$', ['src/pages/ProblemList.tsx']],
  ['^problems/', ['src/pages/ProblemPage.tsx', 'src/editor/Editor.tsx']],
  ['^playground$', ['src/pages/Playground.tsx', 'src/editor/Editor.tsx']],
  ['^p/', ['src/pages/SharedProgram.tsx', 'src/editor/Editor.tsx']],
  ['^contests/', ['src/pages/ContestPage.tsx']],
]

/** Scripts that src/main.ts evaluates one after the other, on every page. */
const START_SCRIPTS = ['src/start/react.ts', 'src/start/router.ts', 'src/start/queries.ts', 'src/app.tsx']

/**
 * Lists in the page's head the scripts that src/main.ts evaluates, so that they are loaded at once, and those of each page, which it adds
 * to the head of that page.
 */
const earlyScripts: Plugin = {
  name: 'early-scripts',
  transformIndexHtml: {
    order: 'post',
    handler: (_html, { bundle, chunk: entry }) => {
      // The server of `vite dev` has no bundle.
      if (bundle === undefined || entry === undefined) return []
      const chunks = Object.values(bundle).filter((one) => one.type === 'chunk')
      const withImports = (file: string, found: Set<string>): void => {
        if (found.has(file)) return
        found.add(file)
        for (const next of chunks.find(({ fileName }) => fileName === file)?.imports ?? []) withImports(next, found)
      }
      const listed = new Set<string>()
      /** The scripts of these modules and what they import, without those that are listed already. */
      const filesOf = (modules: string[]): string[] => {
        const found = new Set<string>()
        for (const module of modules) {
          const chunk = chunks.find(({ facadeModuleId }) => facadeModuleId?.endsWith(`/${module}`)) ?? chunks.find(({ moduleIds }) => moduleIds.some((id) => id.endsWith(`/${module}`)))
          if (chunk === undefined) throw new Error(`${module} has no script of its own`)
          withImports(chunk.fileName, found)
        }
        return [...found].filter((file) => !listed.has(file)).map((file) => `./${file}`)
      }
      withImports(entry.fileName, listed)
      const start = filesOf(START_SCRIPTS)
      const links = start.map((href) => ({ tag: 'link', attrs: { rel: 'modulepreload', crossorigin: true, href } }))
      for (const href of start) listed.add(href.slice(2))
      const pages = PAGE_SCRIPTS.map(([pattern, modules]) => ({ tag: 'meta', attrs: { name: 'page-scripts', content: [pattern, ...filesOf(modules)].join(' ') } }))
      return [...links, ...pages].map((tag) => ({ ...tag, injectTo: 'head' as const }))
    },
  },
}

/** The modules of a step of src/main.ts: the step itself, and packages. */
const step = (name: string, packages: string) => new RegExp(`/src/start/${name}\\.ts|/node_modules/(${packages})/`)

/** Modules that all pages with an editor use. A module that imports a part of the bar at the top would bring that part into their file. */
const EDITING =
  /\/src\/((api|i18n|util)\/draft|components\/SymbolRow|editor\/(load|settings)|hooks\/(useDraft|useProgramLanguage)|ui\/(Note|Splitter|TabButton)|util\/(base-language|compiler|ending|live|reach|recent-languages|unique-key))/

export default defineConfig({
  base: './',
  plugins: [onlyWoff2, xtermStyles, katexStyles, emacsKeys, fetchedFirst, react(), tailwindcss(), earlyScripts],
  build: {
    target: 'es2022',
    // The content security policy allows no `data:` URLs.
    assetsInlineLimit: 0,
    modulePreload: {
      // A helper that vite would otherwise add inline.
      polyfill: false,
      // vite lists no files for a script that imports nothing, so that it would not be loaded before its import.
      resolveDependencies: (file, deps, { hostType }) => (hostType === 'js' && !deps.includes(file) ? [file, ...deps] : deps),
    },
    chunkSizeWarningLimit: 700,
    rolldownOptions: {
      output: {
        // The steps of src/main.ts.
        codeSplitting: {
          groups: [
            // What src/main.ts itself needs is with it, or it would have to wait for other scripts.
            { name: 'main', test: /\/src\/(main|api\/ahead|i18n\/catalogues|util\/(pause|fetched))\.ts|vite\/preload-helper/, priority: 5 },
            { name: 'react', test: step('react', 'react|react-dom|scheduler'), priority: 4 },
            { name: 'router', test: step('router', '@tanstack/(react-router|router-core|history|react-store|store)'), priority: 3 },
            { name: 'queries', test: step('queries', '@tanstack/(react-query|query-core)|openapi-fetch'), priority: 2 },
            // What most pages use, which would otherwise be many small files. Drafts are only on pages with an editor, and a menu is loaded
            // when it is opened.
            { name: 'shared', test: /\/src\/(?!(util|api)\/(draft|play\.)|ui\/OpenedMenu\.tsx)|\/lucide-react\//, minShareCount: 4, priority: 1 },
            // What all pages with an editor use, and what the editor of every programming language uses. Together, they compress better.
            { name: 'editing', test: EDITING, priority: 0.9 },
            { name: 'codemirror', test: /\/node_modules\/(@codemirror\/(state|view|language)|@lezer\/(common|highlight))\//, priority: 0.8 },
            // What both lists of submissions use, in one file.
            { name: 'submissions', test: /\/src\/(i18n\/submissions|util\/verdict-poll)\.ts/, priority: 0.7 },
          ],
        },
      },
    },
  },
  // The files share one process, because a process for each would take three times as long. The timeouts are long, because the machine may
  // stall for some seconds.
  test: { include: ['src/**/*.spec.ts'], isolate: false, setupFiles: ['unit-setup.ts'], testTimeout: 120_000, hookTimeout: 120_000 },
  server: { proxy: { '/api': 'http://127.0.0.1:8080' } },
})
