// Compile service for TypeScript: reads requests from standard input and writes replies to standard output until end of
// input.
//
// It does what `tsc` does in the working directory, step by step. Between requests, it keeps only data that is expensive to create and
// contains no user data: the compiler itself, and the parsed declarations of the standard library and of the type roots. Both are outside
// the working directory and read-only. The compiler accepts no plugins on its command line, so no user code runs here. All files of a
// request are deleted before the reply is sent.
//
// All numbers are big-endian; all texts are UTF-8 and preceded by their length. A message is its length (u32), then:
//   request: number of arguments (u32), arguments; number of files (u32), path and contents of each
//   reply:   0 = compiled, 1 = declined: run the compile command (u8); exit code (u32); CPU time in ns (u64); compiler
//            output; number of files (u32), path and contents of each new or changed file
// Any error ends the process; the caller then runs the compile command.
'use strict'

const fs = require('fs')
const path = require('path')

const MESSAGE_BYTES_MAX = 64 << 20
const FILES_MAX = 4096
const OPTIONS = [
  '--strict', '--target', 'es2022', '--lib', 'es2022', '--module', 'commonjs', '--esModuleInterop', '--resolveJsonModule',
  '--types', 'node', '--typeRoots', '/usr/local/lib/cupel/npm/node_modules/@types', '--skipLibCheck', '--noEmitOnError',
  '--inlineSourceMap', '--pretty', 'false', '--rootDir', '.', '--outDir', '.',
]

const ts = require('/usr/local/lib/cupel/npm/node_modules/typescript/lib/typescript.js')

/** The toolchain directory. It is read-only, so results of file system calls there are cached forever. */
const OURS = '/usr/local/lib/cupel/npm/node_modules/'
/** Parsed toolchain files, by path and parse options. */
const parsed = new Map()
const known = new Map()

function remembered(what, name, ask) {
  if (!name.startsWith(OURS)) return ask(name)
  const key = what + name
  if (!known.has(key)) known.set(key, ask(name))
  return known.get(key)
}

/** File system of the compiler: the working directory is uncached, the toolchain directory is cached. */
const system = {
  ...ts.sys,
  fileExists: name => remembered('f', name, ts.sys.fileExists),
  directoryExists: name => remembered('d', name, ts.sys.directoryExists),
  getDirectories: name => remembered('l', name, ts.sys.getDirectories),
  realpath: name => remembered('r', name, ts.sys.realpath),
}

function compile(args) {
  let printed = ''
  const sys = { ...system, args, write: text => { printed += text }, exit: code => { throw new Exit(code) } }
  const commandLine = ts.parseCommandLine(args, name => sys.readFile(name))
  if (commandLine.errors.length > 0) return null
  const directory = sys.getCurrentDirectory()
  const options = ts.convertToOptionsWithAbsolutePaths(commandLine.options, name => ts.getNormalizedAbsolutePath(name, directory))
  const host = ts.createCompilerHostWorker(options, undefined, sys)
  const fromDisk = host.getSourceFile
  host.getSourceFile = (name, how, onError, fresh) => {
    if (!name.startsWith(OURS)) return fromDisk(name, how, onError, fresh)
    const key = JSON.stringify([name, how.languageVersion ?? how, how.impliedNodeFormat, how.jsDocParsingMode])
    let file = parsed.get(key)
    if (file === undefined) parsed.set(key, file = fromDisk(name, how, onError, fresh))
    return file
  }
  const canonical = ts.createGetCanonicalFileName(host.useCaseSensitiveFileNames())
  ts.changeCompilerHostLikeToUseCache(host, name => ts.toPath(name, directory, canonical))
  const report = ts.createDiagnosticReporter(sys)
  const program = ts.createProgram({
    rootNames: commandLine.fileNames,
    options,
    projectReferences: commandLine.projectReferences,
    host,
    configFileParsingDiagnostics: ts.getConfigFileParsingDiagnostics(commandLine),
  })
  const code = ts.emitFilesAndReportErrorsAndGetExitStatus(program, report, text => sys.write(text + sys.newLine))
  return { code, printed }
}

class Exit extends Error {
  constructor(code) {
    super('exit')
    this.code = code
  }
}

/** Reads the fields of a message in order. */
class Reader {
  constructor(bytes) {
    this.bytes = bytes
    this.at = 0
  }
  number() {
    this.at += 4
    return this.bytes.readUInt32BE(this.at - 4)
  }
  block() {
    const length = this.number()
    if (this.at + length > this.bytes.length) throw new Error('truncated text')
    this.at += length
    return this.bytes.subarray(this.at - length, this.at)
  }
}

function number(n) {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(n)
  return bytes
}

function block(bytes) {
  return Buffer.concat([number(bytes.length), bytes])
}

function serve(message) {
  const before = process.cpuUsage()
  const reader = new Reader(message)
  const args = Array.from({ length: reader.number() }, () => reader.block().toString())
  const given = new Map()
  const count = reader.number()
  if (count > FILES_MAX) throw new Error('too many files')
  for (let i = 0; i < count; i++) {
    const name = reader.block().toString()
    if (path.isAbsolute(name) || path.normalize(name) !== name || name.startsWith('../')) {
      throw new Error('path outside the working directory')
    }
    fs.mkdirSync(path.dirname(name), { recursive: true })
    const contents = reader.block()
    fs.writeFileSync(name, contents, { flag: 'wx' })
    given.set(name, contents)
  }
  const options = optionsOf(args)
  const result = options && compile(options)
  const made = []
  if (result) {
    walk('', name => {
      const contents = fs.readFileSync(name)
      if (!given.get(name)?.equals(contents)) made.push(block(Buffer.from(name)), block(contents))
    })
  }
  clear()
  const spent = process.cpuUsage(before)
  const cpu = Buffer.alloc(8)
  cpu.writeBigUInt64BE(BigInt(spent.user + spent.system) * 1000n)
  const output = Buffer.from(result ? result.printed : '')
  return block(Buffer.concat([
    Buffer.from([result ? 0 : 1]), number(result ? result.code : 0), cpu, block(output), number(made.length / 2), ...made,
  ]))
}

/** The options, if the command line has the supported form; null for any other form. */
function optionsOf(args) {
  const at = args.indexOf(OPTIONS[0])
  const sources = args.slice(at + OPTIONS.length)
  const same = at > 0 && OPTIONS.every((option, i) => args[at + i] === option)
  // The options of the facades: one without a value, which names no file, and one with a value.
  if (sources[0] === '--noCheck') sources.shift()
  else if (sources[0] === '--strict' && sources[1] === 'false') sources.splice(0, 2)
  const plain = sources.length > 0 && sources.every(source => !source.startsWith('-') && !source.startsWith('@'))
  return same && plain ? args.slice(at) : null
}

function walk(directory, visit) {
  for (const entry of fs.readdirSync(directory || '.', { withFileTypes: true })) {
    const name = directory ? `${directory}/${entry.name}` : entry.name
    if (entry.isDirectory()) walk(name, visit)
    else if (entry.isFile()) visit(name)
  }
}

/** Empties the working directory; a failure ends the process. */
function clear() {
  for (const name of fs.readdirSync('.')) fs.rmSync(name, { recursive: true })
}

function readFully(length) {
  const bytes = Buffer.alloc(length)
  for (let at = 0; at < length; ) {
    const n = fs.readSync(0, bytes, at, length - at)
    if (n === 0) return at === 0 ? null : (() => { throw new Error('truncated message') })()
    at += n
  }
  return bytes
}

clear()
for (let head; (head = readFully(4)); ) {
  const length = head.readUInt32BE()
  if (length > MESSAGE_BYTES_MAX) throw new Error('message too long')
  const reply = serve(readFully(length))
  for (let at = 0; at < reply.length; ) at += fs.writeSync(1, reply, at)
}
