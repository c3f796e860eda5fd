// Messages of the judge in other languages. The server's messages are in English. Those of Cupel's own checkers and limits have fixed
// forms and are translated here. Messages of a problem's own checker are shown as they are.
//
// Source of the forms: crates/cupel-judge/src/judge/messages.txt, which a test of that crate writes from the judge's messages. The test
// of this file reads it, so a changed message fails one of the two.
import type { LanguageTag } from './catalogues'

type Form = [pattern: RegExp, to: (...parts: string[]) => string]

const PLACE = 'word (\\d+), line (\\d+) of the output: '
const at = (rest: string): RegExp => new RegExp(`^${PLACE}${rest}$`, 'is')

const LIMITS_ZH: Record<string, string> = { time: '时间', 'wall time': '实际时间', idle: '空闲时间', memory: '内存', output: '输出' }

const placeZh = (word: string, line: string) => `输出的第 ${word} 个词（第 ${line} 行）`

const ZH: Form[] = [
  [at('expected (.+), got (.+), which is outside the tolerance'), (word, line, expected, got) => `${placeZh(word, line)}：应为 ${expected}，实际为 ${got}，超出允许的误差`],
  [at('expected (.+), got (.+)'), (word, line, expected, got) => `${placeZh(word, line)}：应为 ${expected}，实际为 ${got}`],
  [at('white space differs'), (word, line) => `${placeZh(word, line)}：空白字符不同`],
  [at('the output ends; expected (.+)'), (word, line, expected) => `${placeZh(word, line)}：输出在此结束，应为 ${expected}`],
  [at('trailing output (.+)'), (word, line, got) => `${placeZh(word, line)}：多余的输出 ${got}`],
  [/^the number of elements is as expected, but the elements differ$/i, () => '元素个数正确，但元素不同'],
  [/^none of (\d+) lines? is correct$/i, (lines) => `${lines} 行都不正确`],
  [/^the output ends before word (\d+), which is expected$/i, (word) => `输出在第 ${word} 个词之前就结束了`],
  [/^word (\d+) \(line (\d+) of the output\) follows the end of the expected output$/i, (word, line) => `${placeZh(word, line)}在期望输出的结尾之后`],
  [/^word (\d+) \(line (\d+) of the output\) differs from the expected one$/i, (word, line) => `${placeZh(word, line)}与期望输出不同`],
  [/^expected (.+), got (.+)$/is, (expected, got) => `应为 ${expected}，实际为 ${got}`],
  [/^time limit of (\d+ ms) for all executions of the run exceeded$/i, (limit) => `超出所有执行的总时间限制（${limit}）`],
  [/^(time|wall time|idle|memory|output) limit of ([\d,.]+ \w+) exceeded(: .+)?$/is, (name, limit, rest = '') => `超出${LIMITS_ZH[name.toLowerCase()] ?? ''}限制（${limit}）${rest.replace(/^: /, '：')}`],
  [/^(\d+) of (\d+) lines? (?:is|are) right$/i, (right, lines) => `${lines} 行中有 ${right} 行正确`],
  [/^limit of ([\d,]+) instructions exceeded$/i, (limit) => `超出指令数限制（${limit} 条）`],
  [/^disk limit of ([\d,.]+ \w+) in (\d+) files? exceeded$/i, (limit, files) => `超出磁盘限制（${limit}，${files} 个文件）`],
  [/^limit of ([\d,.]+ \w+) for a file exceeded$/i, (limit) => `超出单个文件的大小限制（${limit}）`],
]

const FORMS: Partial<Record<LanguageTag, Form[]>> = { 'zh-CN': ZH }

/** A message of the judge in the page's language, if the message has a known form. */
export function judgeMessage(text: string, tag: LanguageTag): string {
  for (const [pattern, to] of FORMS[tag] ?? []) {
    const found = pattern.exec(text.trim())
    if (found !== null) return to(...(found.slice(1) as string[]))
  }
  return text
}
