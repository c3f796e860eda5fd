// Messages of the judge in Chinese, loaded with the texts of that language. The server's messages are in English. Those of Cupel's own
// checkers and limits have fixed forms and are translated here. Messages of a problem's own checker are shown as they are.
//
// Source of the forms: crates/cupel-judge/src/judge/messages.txt, which a test of that crate writes from the judge's messages. The test
// of this file reads it, so a changed message fails one of the two.

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
  [/^expected (.+), got (.+)$/is, (expected, got) => `应为 ${expected}，实际为 ${got}`],
  [/^time limit of ([\d.]+ m?s) for all executions of the run exceeded$/i, (limit) => `超出所有执行的总时间限制（${limit}）`],
  [/^(time|wall time|idle|memory|output) limit of ([\d,.]+ \w+) exceeded(: .+)?$/is, (name, limit, rest = '') => `超出${LIMITS_ZH[name.toLowerCase()] ?? ''}限制（${limit}）${rest.replace(/^: /, '：')}`],
  [/^(\d+) of (\d+) lines? (?:is|are) right$/i, (right, lines) => `${lines} 行中有 ${right} 行正确`],
  [/^limit of ([\d,]+) instructions exceeded$/i, (limit) => `超出指令数限制（${limit} 条）`],
  [/^disk limit of ([\d,.]+ \w+) in (\d+) files? exceeded$/i, (limit, files) => `超出磁盘限制（${limit}，${files} 个文件）`],
  [/^(-?\d.*|["[{].*|true|false|null) is missing$/is, (value) => `缺少 ${value}`],
  [/^(-?\d.*|["[{].*|true|false|null) is unexpected$/is, (value) => `多出 ${value}`],
  [/^exit code (\d+)$/i, (code) => `退出码 ${code}`],
  [/^limit of ([\d,.]+ \w+) for a file exceeded$/i, (limit) => `超出单个文件的大小限制（${limit}）`],
]

/** Text around a message. The group `inner` of the pattern is the message, which the function gets translated. */
type Frame = [pattern: RegExp, to: (inner: string, parts: Partial<Record<string, string>>) => string]

// Sources: `difference` in crates/cupel-function/src/value.rs and case.rs, `end_overdue` in crates/cupel-judge/src/judge.rs.
const ZH_FRAMES: Frame[] = [
  [/^(?<inner>.+) \((?<got>\d+) elements? instead of (?<expected>\d+)\)$/is, (inner, { got, expected }) => `${inner}（${got} 个元素，应为 ${expected} 个）`],
  [/^(?<inner>.+); the last test was skipped$/is, (inner) => `${inner}；最后 1 个测试被跳过`],
  [/^(?<inner>.+); the last (?<n>\d+) tests were skipped$/is, (inner, { n }) => `${inner}；最后 ${n} 个测试被跳过`],
  [/^(?<inner>.+); (?<end>time limit of [\d.]+ m?s for all executions of the run exceeded)$/is, (inner, { end = '' }) => `${inner}；${judgeZh(end)}`],
  [/^test (?<n>\d+) of (?<all>\d+): (?<inner>.+)$/is, (inner, { n, all }) => `第 ${n} 个测试（共 ${all} 个）：${inner}`],
  [/^test (?<name>\S+): (?<inner>.+)$/is, (inner, { name }) => `测试 ${name}：${inner}`],
  [/^call (?<n>\d+) \((?<call>.+?)\): (?<inner>.+)$/is, (inner, { n, call }) => `第 ${n} 次调用（${call}）：${inner}`],
  [/^at (?<path>\[.+?\]): (?<inner>.+)$/is, (inner, { path }) => `位置 ${path}：${inner}`],
  [/^line (?<line>\d+): (?<inner>.+)$/is, (inner, { line }) => `第 ${line} 行：${inner}`],
  [/^(?<name>[\w./-]+): (?<inner>.+)$/s, (inner, { name }) => `${name}：${inner}`],
]

/** A message of the judge in Chinese, if the message has a known form. Text around such a message is translated, too. */
export const judgeZh = (text: string): string => known(text.trim()) ?? text

/** `undefined` if no form is known. */
function known(text: string): string | undefined {
  for (const [pattern, to] of ZH_FRAMES) {
    const parts = pattern.exec(text)?.groups
    if (parts === undefined) continue
    // Only the first frame that fits is tried, so that the time is in proportion to the number of frames.
    const inner = known(parts['inner'] ?? '')
    if (inner !== undefined) return to(inner, parts)
    break
  }
  for (const [pattern, to] of ZH) {
    const found = pattern.exec(text)
    if (found !== null) return to(...(found.slice(1) as string[]))
  }
  return undefined
}
