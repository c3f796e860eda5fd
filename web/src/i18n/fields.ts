// The texts of form fields, loaded with the first form.
import type { Both } from './messages'

const en = {
  missing: 'Fill in this field.',
  short: (least: number) => `At least ${least} characters are needed.`,
  long: (most: number) => `At most ${most} characters are allowed.`,
  email: 'Enter an e-mail address, such as ada@example.com.',
  character: (one: string) => `“${one}” is not allowed here.`,
  spaces: 'Spaces are not allowed here.',
  invalid: 'This value is not allowed.',
  show: 'Show',
  hide: 'Hide',
  /** What the server refuses, by the code of the error. */
  codes: {
    missing: 'Fill in this field.',
    taken: 'Another account already has this.',
    'bad-username': '3 to 32 characters are needed: the letters a to z and A to Z, digits, and _ . -',
    'reserved-username': 'This name is reserved.',
    'bad-email': 'Enter an e-mail address, such as ada@example.com.',
    'bad-password': '8 to 256 characters are needed.',
    'password-is-name': 'The password must differ from the user name and the e-mail address.',
    'bad-join-code': 'The join code does not exist, has expired or is used up.',
    'bad-name': '1 to 100 characters are needed, without control characters.',
  },
}

export type FieldTexts = typeof en

const zhCN: FieldTexts = {
  missing: '请填写此项。',
  short: (least) => `至少需要 ${least} 个字符。`,
  long: (most) => `最多允许 ${most} 个字符。`,
  email: '请输入邮箱，例如 ada@example.com。',
  character: (one) => `不允许使用“${one}”。`,
  spaces: '不允许使用空格。',
  invalid: '此内容不被允许。',
  show: '显示',
  hide: '隐藏',
  codes: {
    missing: '请填写此项。',
    taken: '已被其他账户使用。',
    'bad-username': '需要 3 到 32 个字符：A 到 Z 的字母、数字和 _ . -',
    'reserved-username': '此名称为系统保留名称。',
    'bad-email': '请输入邮箱，例如 ada@example.com。',
    'bad-password': '需要 8 到 256 个字符。',
    'password-is-name': '密码不能与用户名或邮箱相同。',
    'bad-join-code': '邀请码不存在、已过期或已用完。',
    'bad-name': '需要 1 到 100 个字符，不含控制字符。',
  },
}

export const fields: Both<FieldTexts> = { en, 'zh-CN': zhCN }

/** An error of a field from the server. `detail` is in English. */
export interface Refused {
  code?: string | null | undefined
  detail: string
}

/** The error in the words of the site. `undefined`: the site does not know the code. */
export const worded = ({ code }: Refused, t: FieldTexts): string | undefined => (code != null && Object.hasOwn(t.codes, code) ? t.codes[code as keyof FieldTexts['codes']] : undefined)
