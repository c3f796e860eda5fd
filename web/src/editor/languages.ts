// Highlighting per language of the server, loaded when it is needed. A language without an entry is edited as plain text.
import type { TabWidth } from './settings'
import { LanguageSupport, StreamLanguage, type StreamParser } from '@codemirror/language'

const legacy = async (load: Promise<StreamParser<unknown>>): Promise<LanguageSupport> =>
  new LanguageSupport(StreamLanguage.define(await load))

const LOADERS: Record<string, () => Promise<LanguageSupport>> = {
  python: async () => (await import('@codemirror/lang-python')).python(),
  c: async () => (await import('@codemirror/lang-cpp')).cpp(),
  cpp: async () => (await import('@codemirror/lang-cpp')).cpp(),
  java: async () => (await import('@codemirror/lang-java')).java(),
  javascript: async () => (await import('@codemirror/lang-javascript')).javascript(),
  typescript: async () => (await import('@codemirror/lang-javascript')).javascript({ typescript: true }),
  rust: async () => (await import('@codemirror/lang-rust')).rust(),
  go: async () => (await import('@codemirror/lang-go')).go(),
  csharp: () => legacy(import('@codemirror/legacy-modes/mode/clike').then((m) => m.csharp)),
  kotlin: () => legacy(import('@codemirror/legacy-modes/mode/clike').then((m) => m.kotlin)),
  scala: () => legacy(import('@codemirror/legacy-modes/mode/clike').then((m) => m.scala)),
  bash: () => legacy(import('@codemirror/legacy-modes/mode/shell').then((m) => m.shell)),
  fortran: () => legacy(import('@codemirror/legacy-modes/mode/fortran').then((m) => m.fortran)),
  haskell: () => legacy(import('@codemirror/legacy-modes/mode/haskell').then((m) => m.haskell)),
  lisp: () => legacy(import('@codemirror/legacy-modes/mode/commonlisp').then((m) => m.commonLisp)),
  lua: () => legacy(import('@codemirror/legacy-modes/mode/lua').then((m) => m.lua)),
  ocaml: () => legacy(import('@codemirror/legacy-modes/mode/mllike').then((m) => m.oCaml)),
  pascal: () => legacy(import('@codemirror/legacy-modes/mode/pascal').then((m) => m.pascal)),
  perl: () => legacy(import('@codemirror/legacy-modes/mode/perl').then((m) => m.perl)),
  r: () => legacy(import('@codemirror/legacy-modes/mode/r').then((m) => m.r)),
  ruby: () => legacy(import('@codemirror/legacy-modes/mode/ruby').then((m) => m.ruby)),
  scheme: () => legacy(import('@codemirror/legacy-modes/mode/scheme').then((m) => m.scheme)),
  sql: () => legacy(import('@codemirror/legacy-modes/mode/sql').then((m) => m.standardSQL)),
  tcl: () => legacy(import('@codemirror/legacy-modes/mode/tcl').then((m) => m.tcl)),
}

/**
 * One level of indentation: the recommendation of the language's style guide, or the width that the user prefers. Go uses
 * tabs.
 */
export const indentation = (language: string, width: TabWidth): string => {
  if (language === 'go') return '\t'
  if (width !== 'language') return ' '.repeat(Number(width))
  return ['javascript', 'typescript', 'ruby', 'lua', 'ocaml', 'haskell', 'scala', 'r', 'lisp', 'scheme'].includes(language) ? '  ' : '    '
}

export const highlighting = (language: string): Promise<LanguageSupport> | undefined => LOADERS[language]?.()
