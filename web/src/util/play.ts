// The playground's draft (files, arguments and input, stored as one text in the browser), and the request that runs it.
import type { Schema } from '../api/client'

export interface PlayFile {
  path: string
  text: string
}

export interface Play {
  /** The first file is the main source; the language prescribes its name (`source_file`). */
  files: PlayFile[]
  /** Arguments as typed: separated by spaces, with quotes as in a shell. */
  args: string
  /** Compiler options, in the same form. */
  compilerArgs?: string
  stdin: string
  /** Patterns of the files to keep, in the same form. */
  keep?: string
  /** Title with which the program is shared. */
  title?: string
  /** Limits that differ from the language's defaults. */
  limits?: Partial<PlayLimits>
  /** Whether a shared program was shared from the terminal. Not part of a draft. */
  isTerminal?: boolean
}

/** The server's bounds: `files_max` in config.default.toml, and the schema of `POST /execute`. */
export const FILES_MAX = 100
const PATH_BYTES_MAX = 1024
/** Characters of a title. Source: the schema of `POST /snippets`. */
export const TITLE_MAX = 100

/** Parses the text of a draft. A text that is not a draft becomes the main source, so that nothing is lost. */
export function playOf(text: string, main: string): Play {
  let raw: unknown
  try {
    raw = JSON.parse(text)
  } catch {
    raw = undefined
  }
  if (typeof raw !== 'object' || raw === null) return { files: [{ path: main, text }], args: '', stdin: '' }
  const { files, args, compilerArgs, stdin, keep, title, limits } = raw as Record<string, unknown>
  const kept = (Array.isArray(files) ? (files as Partial<PlayFile>[]) : [])
    .filter((file) => typeof file?.path === 'string' && typeof file.text === 'string')
    .slice(0, FILES_MAX)
    .map(({ path, text }) => ({ path: path as string, text: text as string }))
  const [first, ...others] = kept
  return {
    files: [{ path: main, text: first?.text ?? '' }, ...others],
    args: typeof args === 'string' ? args : '',
    ...(typeof compilerArgs === 'string' && compilerArgs !== '' && { compilerArgs }),
    stdin: typeof stdin === 'string' ? stdin : '',
    ...(typeof keep === 'string' && keep !== '' && { keep }),
    ...(typeof title === 'string' && title !== '' && { title: titleOf(title) }),
    ...(typeof limits === 'object' && limits !== null && { limits }),
  }
}

/** A text as a title: without control characters, which can be pasted. */
export const titleOf = (text: string): string => [...text.replace(/\p{Cc}/gu, ' ')].slice(0, TITLE_MAX).join('')

export const textOf = ({ files, args, compilerArgs, stdin, keep, title, limits }: Play): string =>
  JSON.stringify({
    files,
    args,
    ...(compilerArgs !== undefined && compilerArgs !== '' && { compilerArgs }),
    stdin,
    ...(keep !== undefined && keep !== '' && { keep }),
    ...(title !== undefined && title !== '' && { title }),
    limits,
  })

/** The text by which a person recognises a draft: the main source, and below it the other parts of the draft, each with its title. */
export function previewOf({ files: [main, ...others], args, stdin }: Play, titles: { args: string; input: string }): string {
  const parts = [...others.map(({ path, text }) => [path, text] as const), [titles.args, args] as const, [titles.input, stdin] as const]
  return [main?.text ?? '', ...parts.filter(([, text]) => text !== '').map(([title, text]) => `--- ${title} ---\n${text}`)].join('\n')
}

/** Slug of the playground's drafts. No problem can have this slug. */
export const PLAY_SLUG = '(playground)'

/** Whether the playground was last used with text or with a terminal. */
export const MODE_KEY = 'cupel.play-input'

/** Slug of the draft with the input, arguments and limits that a user changed for a shared program. */
export const sharedSlug = (id: string): string => `(shared) ${id}`

export type PathFault = 'empty' | 'taken' | 'outside' | 'long'

/** The error in a file name; `undefined` if the name is valid. The server checks it again. */
export function pathFault(path: string, others: readonly string[]): PathFault | undefined {
  if (path.trim() === '') return 'empty'
  if (others.includes(path)) return 'taken'
  if (new TextEncoder().encode(path).length > PATH_BYTES_MAX) return 'long'
  const parts = path.split('/')
  const isOutside = parts.some((part) => part === '' || part === '.' || part === '..') || /[\u0000-\u001f\u007f\\]/.test(path)
  return isOutside ? 'outside' : undefined
}

/** An unused name for a new file. */
export function freshPath(files: readonly PlayFile[], extension: string): string {
  const taken = new Set(files.map(({ path }) => path))
  for (let n = 1; ; n += 1) {
    const path = `file${n}.${extension}`
    if (!taken.has(path)) return path
  }
}

/** Splits a line into arguments at spaces. Quotes and backslashes protect spaces. Nothing is expanded. */
export const splitArgs = (line: string): string[] => scan(line).args

/** Whether a quote of a line has no second quote. */
export const isUnclosed = (line: string | undefined): boolean => scan(line ?? '').isOpen

function scan(line: string): { args: string[]; isOpen: boolean } {
  const found: string[] = []
  let word: string | undefined
  let quote: string | undefined
  for (let at = 0; at < line.length; at += 1) {
    const c = line.charAt(at)
    if (c === '\\' && quote !== "'" && at + 1 < line.length) {
      at += 1
      word = (word ?? '') + line.charAt(at)
    } else if (quote === undefined && (c === '"' || c === "'")) {
      quote = c
      word ??= ''
    } else if (c === quote) {
      quote = undefined
    } else if (quote === undefined && /\s/.test(c)) {
      if (word !== undefined) found.push(word)
      word = undefined
    } else {
      word = (word ?? '') + c
    }
  }
  if (word !== undefined) found.push(word)
  return { args: found, isOpen: quote !== undefined }
}

/** The line that `splitArgs` splits into these arguments. Double quotes are preferred, because most people type them. */
export const joinArgs = (args: readonly string[]): string => args.map(quote).join(' ')

const quote = (arg: string): string => {
  if (/^[^\s'"\\]+$/.test(arg)) return arg
  return /["\\]/.test(arg) ? `'${arg.replaceAll("'", "'\\''")}'` : `"${arg}"`
}

export interface PlayLimits {
  cpuMs: number
  memoryKb: number
}

type Language = Schema['LanguageView']

const LEAST: PlayLimits = { cpuMs: 100, memoryKb: 1024 }

/** The limits that are requested and not allowed, each with its bounds. */
export function limitFaults({ limits_max: most }: Language, requested: Partial<PlayLimits> = {}): Partial<Record<keyof PlayLimits, [least: number, most: number]>> {
  const of = (name: keyof PlayLimits, max: number) => {
    const value = requested[name]
    return value !== undefined && Number.isFinite(value) && (value < LEAST[name] || value > max) && { [name]: [LEAST[name], max] }
  }
  return { ...of('cpuMs', most.cpu_time_ms), ...of('memoryKb', most.memory_kb) }
}

/** The requested limits, clamped to those of the language. */
export function boundedLimits({ limits, limits_max: most }: Language, requested: Partial<PlayLimits>): PlayLimits {
  const within = (value: number | undefined, initial: number, min: number, max: number) =>
    value === undefined || !Number.isFinite(value) ? initial : Math.min(max, Math.max(min, Math.round(value)))
  return {
    cpuMs: within(requested.cpuMs, limits.cpu_time_ms, LEAST.cpuMs, most.cpu_time_ms),
    memoryKb: within(requested.memoryKb, limits.memory_kb, LEAST.memoryKb, most.memory_kb),
  }
}

/** Name of the archive: that of the main file without its extension. The first file has the name that the language prescribes. */
export function archiveName({ files }: Play): string {
  const name = files[0]?.path ?? ''
  const stem = name.slice(name.lastIndexOf('/') + 1).replace(/\.[^.]*$/, '')
  return `${stem === '' ? 'program' : stem}.zip`
}

/** The body of `POST /snippets` that shares this program. */
export function snippetOf(language: Language, play: Play, isTerminal: boolean): Schema['SnippetRequest'] {
  const { cpuMs, memoryKb } = boundedLimits(language, play.limits ?? {})
  const [main, ...others] = play.files
  const artifacts = splitArgs(play.keep ?? '')
  const title = play.title?.trim() ?? ''
  return {
    language: language.language_id,
    source_code: main?.text ?? '',
    files: others.map(({ path, text }) => ({ path, content: text })),
    args: splitArgs(play.args),
    input: play.stdin,
    ...(artifacts.length > 0 && { artifacts }),
    ...(title !== '' && { title }),
    ...(isTerminal && { terminal: true }),
    limits: {
      ...(cpuMs !== language.limits.cpu_time_ms && { cpu_time_ms: cpuMs }),
      ...(memoryKb !== language.limits.memory_kb && { memory_kb: memoryKb }),
    },
  }
}

/** The program of a snippet. */
export function playOfSnippet({ source_code, files, args, input, artifacts, title, terminal, limits }: Schema['SnippetView'], main: string): Play {
  return {
    files: [{ path: main, text: source_code }, ...files.map(({ path, content }) => ({ path, text: content }))],
    args: joinArgs(args),
    stdin: input,
    ...(artifacts.length > 0 && { keep: joinArgs(artifacts) }),
    ...(title != null && { title }),
    ...(terminal && { isTerminal: true }),
    limits: { ...(limits.cpu_time_ms != null && { cpuMs: limits.cpu_time_ms }), ...(limits.memory_kb != null && { memoryKb: limits.memory_kb }) },
  }
}

/** Maximum bytes of the body of a run on a live connection. A message has at most 256 KiB. Source: docs/live.md, "Bounds". */
export const REQUEST_BYTES_MAX = 255 * 1024

export const requestBytes = (request: unknown): number => new TextEncoder().encode(JSON.stringify(request)).length

/**
 * The request body of a run. A run in the terminal gets its input while it runs. Other runs are ordinary submissions,
 * so they do not wait for a slot for interactive programs.
 */
export function requestOf(language: Language, play: Play, requested: PlayLimits, isTerminal: boolean) {
  const { limits, limits_max: most } = language
  const { cpuMs, memoryKb } = boundedLimits(language, requested)
  // A terminal program may wait for input as long as the server permits.
  const waits = isTerminal ? { wall_time_ms: most.wall_time_ms, idle_time_ms: most.idle_time_ms } : {}
  const [main, ...others] = play.files
  return {
    language: language.language_id,
    source_code: main?.text ?? '',
    files: others.map(({ path, text }) => ({ path, content: text })),
    args: splitArgs(play.args),
    ...(language.compiled && play.compilerArgs !== undefined && play.compilerArgs.trim() !== '' && { compiler_args: splitArgs(play.compilerArgs) }),
    ...(!isTerminal && { input: play.stdin }),
    ...(play.keep !== undefined && play.keep.trim() !== '' && { artifacts: splitArgs(play.keep) }),
    limits: {
      cpu_time_ms: cpuMs,
      memory_kb: memoryKb,
      ...(cpuMs > limits.wall_time_ms && { wall_time_ms: Math.min(most.wall_time_ms, 2 * cpuMs) }),
      ...waits,
    },
  }
}
