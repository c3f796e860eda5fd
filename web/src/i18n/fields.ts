// The texts of form fields, loaded with the first form.
import type { Both } from './messages'

const en = {
  missing: 'Fill in this field.',
  short: (least: number) => `At least ${least} characters are needed.`,
  long: (most: number) => `At most ${most} characters are allowed.`,
  email: 'Enter an e-mail address, such as ada@example.com.',
  characters: 'It has characters that are not allowed.',
  invalid: 'This value is not allowed.',
  show: 'Show',
  hide: 'Hide',
}

export type FieldTexts = typeof en

const zhCN: FieldTexts = {
  missing: '请填写此项。',
  short: (least) => `至少需要 ${least} 个字符。`,
  long: (most) => `最多允许 ${most} 个字符。`,
  email: '请输入邮箱，例如 ada@example.com。',
  characters: '含有不允许的字符。',
  invalid: '此内容不被允许。',
  show: '显示',
  hide: '隐藏',
}

export const fields: Both<FieldTexts> = { en, 'zh-CN': zhCN }
