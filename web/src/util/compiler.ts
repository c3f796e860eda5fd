// Lines of a compiler's messages that name a place in the source, such as `main.cpp:3:5: error: …` or `line 3`.

/** One-based line of the source that a message names; `undefined`: none. */
export function lineNamed(message: string): number | undefined {
  const found =
    /(?:^|[\s("'/])[\w.-]+\.\w+[:(](\d{1,6})\b/.exec(message) ??
    /\bline (\d{1,6})\b/i.exec(message) ??
    /^\s*-->\s+\S+:(\d{1,6}):/.exec(message)
  const line = found === null ? 0 : Number(found[1])
  return line > 0 ? line : undefined
}
