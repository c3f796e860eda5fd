// Parses compiler messages: finds the lines that name a place in the source, such as `main.cpp:3:5: error: …` or `line
// 3`, and creates marks for the editor.

/**
 * One-based line of the source that a message names; `undefined` if it names no line. Quoted source names none: `time.sleep(1)` is a call,
 * although Pascal's compiler writes places as `main.pas(9,2)`. `next`: the line below the message.
 */
export function lineNamed(message: string, next = ''): number | undefined {
  const isQuoted = isExcerpt(message, next)
  const found =
    /^\s*-->\s+[^\s:]+:(\d{1,6}):/.exec(message) ??
    /^\s*File "[^"]*", line (\d{1,6})\b/.exec(message) ??
    // Also notes of compilers that indent them.
    /^\s+(?:[\w.-]+: |from )?(?:[\w.-]*\/)*[\w.-]+\.[A-Za-z]\w*:(\d{1,6})\b/.exec(message) ??
    (isQuoted ? null : (/(?:^|[\s("'/])[\w.-]+\.\w+[:(](\d{1,6})\b/.exec(message) ?? /\bline (\d{1,6})\b/i.exec(message)))
  const line = found === null ? 0 : Number(found[1])
  return line > 0 ? line : undefined
}

/** The file that a message names together with a line; `undefined` if it names none. */
export const fileNamed = (message: string): string | undefined => /([^\s"'():]+\.\w+)(?:[:(]|", line )\d/.exec(message)?.[1]

/** The place of the file that a compiler names by this path: the file with the path, or else one with the name; -1 if there is none. */
export function placeOfFile(files: readonly { path: string }[], path: string): number {
  const exact = files.findIndex((file) => file.path === path)
  return exact >= 0 ? exact : files.findIndex((file) => nameOf(file.path) === nameOf(path))
}

/**
 * Whether a line quotes the source or marks a place in it: it is indented, as in the messages of most compilers, has a
 * line number, as in messages of Rust, or is above a mark.
 */
export const isExcerpt = (message: string, next = ''): boolean => /^\s+\S|^\d+ +\|/.test(message) || /^\s*[\^~]+\s*$/.test(next)

export interface Mark {
  /** From 1. */
  line: number
  /** Column, from 1; `undefined` if the message names only the line. */
  column: number | undefined
  severity: 'error' | 'warning' | 'info'
  message: string
}

/** Maximum number of marks per output, and of characters per message. A compiler can print megabytes. */
export const MARKS_MAX = 100
const MESSAGE_CHARS_MAX = 500
const LINES_READ_MAX = 2_000

const severityOf = (word: string | undefined): Mark['severity'] =>
  word === undefined || /error|fatal/i.test(word) ? 'error' : /warning/i.test(word) ? 'warning' : 'info'

const nameOf = (path: string): string => path.slice(path.lastIndexOf('/') + 1)

// `main.cpp:3:5: error: …` of GCC, Clang, Go, javac and others; the kind of the message may be missing.
const PLACE = /^\s*(?:[\w.]+: )?([^\s:()]+\.\w+):(\d{1,6})(?::(\d{1,6}))?:?\s+(?:((?:fatal |internal )?error|warning|note|info)(?:\[[^\]]*\])?:\s*)?(.+)$/i
// `main.pas(9,2) Error: …` of Free Pascal and C#.
const BRACKETS = /^\s*([^\s:()]+\.\w+)\((\d{1,6})(?:,(\d{1,6}))?\):?\s*(fatal|error|warning|note|hint)?[^:]*:\s*(.+)$/i
// GHC prints the message in the next line.
const BARE = /^(?:(error|warning):)?\s*(?:\[[^\]]*\]\s*)*$/
// Rust prints the place below the message.
const RUST_HEAD = /^(error|warning)(?:\[\w+\])?: (.+)$/
const RUST_PLACE = /^\s*-->\s+(\S+):(\d{1,6}):(\d{1,6})/
// Python prints the place above the message.
const PYTHON_PLACE = /^\s*File "([^"]+)", line (\d{1,6})/
const PYTHON_MESSAGE = /^(?:Sorry: )?(\w*(?:Error|Exception|Warning): .+)$/

/** The marks of an output for a file. Without a file name, messages about any file are included. */
export function marksOf(output: string, file?: string): Mark[] {
  const marks: Mark[] = []
  let head: { severity: Mark['severity']; message: string } | undefined
  let python: number | undefined
  const add = (path: string, line: string, column: string | undefined, severity: Mark['severity'], message: string) => {
    if ((file !== undefined && nameOf(path) !== nameOf(file)) || Number(line) < 1) return
    const mark = { line: Number(line), column: column === undefined ? undefined : Number(column), severity, message: message.slice(0, MESSAGE_CHARS_MAX) }
    if (!marks.some((other) => other.line === mark.line && other.column === mark.column && other.message === mark.message)) marks.push(mark)
  }
  let bare: Mark | undefined
  for (const text of output.split('\n', LINES_READ_MAX)) {
    if (marks.length >= MARKS_MAX) break
    const line = text.slice(0, MESSAGE_CHARS_MAX * 2)
    if (bare !== undefined && line.trim() !== '') bare.message = line.trim().slice(0, MESSAGE_CHARS_MAX)
    bare = undefined
    const rust = RUST_HEAD.exec(line)
    if (rust !== null) {
      head = { severity: severityOf(rust[1]), message: rust[2] ?? '' }
      continue
    }
    const rustPlace = RUST_PLACE.exec(line)
    if (rustPlace !== null) {
      if (head !== undefined) add(rustPlace[1] ?? '', rustPlace[2] ?? '', rustPlace[3], head.severity, head.message)
      head = undefined
      continue
    }
    const pythonPlace = PYTHON_PLACE.exec(line)
    if (pythonPlace !== null) {
      python = file === undefined || nameOf(pythonPlace[1] ?? '') === nameOf(file) ? Number(pythonPlace[2]) : undefined
      continue
    }
    const pythonMessage = PYTHON_MESSAGE.exec(line)
    if (pythonMessage !== null) {
      if (python !== undefined) add(file ?? '', String(python), undefined, 'error', pythonMessage[1] ?? '')
      python = undefined
      continue
    }
    const place = PLACE.exec(line) ?? BRACKETS.exec(line)
    if (place === null) continue
    const message = place[5] ?? ''
    const isBare = BARE.exec(message)
    const before = marks.length
    add(place[1] ?? '', place[2] ?? '', place[3], severityOf(place[4] ?? isBare?.[1]), message)
    if (isBare !== null && marks.length > before) bare = marks.at(-1)
  }
  return marks
}
