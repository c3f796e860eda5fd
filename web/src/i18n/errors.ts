// Texts for the server's error codes: what happened, and what to do. The keys are the codes of docs/errors.md, and one of the site. A test
// compares the two.
import type { Both } from './messages'

interface Refusal {
  title: string
  todo: string
}

/**
 * Codes that mean that the page and the server have incompatible versions. The user cannot correct these errors in the
 * form.
 */
const MISFITS = [
  'invalid-json', 'invalid-utf8', 'invalid-parameter', 'invalid-header', 'malformed-request', 'no-such-route', 'method-not-allowed',
  'unsupported-media-type', 'upgrade-required', 'invalid-body', 'invalid-webhook', 'idempotency-mismatch', 'input-out-of-order', 'cross-site',
] as const

const CODES = [
  'unauthorized', 'wrong-credentials', 'missing-scope', 'forbidden', 'not-found', 'request-timeout', 'taken', 'conflict', 'precondition-failed', 'body-too-large',
  'input-window-full', 'invalid-package', 'invalid-submission', 'unknown-language', 'language-unavailable', 'submission-too-large', 'invalid-path',
  'invalid-limit', 'quota-used-up', 'rate-limited', 'too-many-waiting', 'too-many-attempts', 'internal', 'queue-full', 'no-worker', 'disk-full', 'unavailable',
  // Of the site: the answer `too-many-attempts` to a visitor who runs a program (`hooks/useGuest.ts`).
  'too-many-guests',
] as const

type Code = (typeof CODES)[number]

interface ErrorTexts {
  codes: Record<Code | 'misfit' | 'unknown', Refusal>
  /** Text for errors with a `Retry-After` header. */
  wait: (seconds: number) => string
  server: string
}

const en: ErrorTexts = {
  codes: {
    unauthorized: { title: 'Your session has ended', todo: 'Sign in again. Your code is kept in this browser.' },
    'wrong-credentials': { title: 'The name or the password is wrong', todo: 'Check both, then try again.' },
    'missing-scope': { title: 'The API key does not permit this', todo: 'Use a key with the scope below.' },
    forbidden: { title: 'Your account may not do this', todo: 'Ask an administrator for the role that you need.' },
    'not-found': { title: 'Not found', todo: 'It does not exist, or you may not see it.' },
    'request-timeout': { title: 'Your request arrived too slowly', todo: 'Nothing has changed. Check your connection, then try again.' },
    taken: { title: 'This name is taken', todo: 'Choose another name.' },
    conflict: { title: 'This is not possible now', todo: 'The data have changed in the meantime. Reload the page to see the current state.' },
    'precondition-failed': { title: 'Another device has saved this text', todo: 'Reload the page to see both versions. Your version is kept in this browser.' },
    'body-too-large': { title: 'This is too large', todo: 'Send less at a time.' },
    'input-window-full': { title: 'The program does not read its input', todo: 'Wait until the program reads its input, or end the program.' },
    'invalid-package': { title: 'The package of the problem is invalid', todo: 'Correct the errors below, then send the package again.' },
    'invalid-submission': { title: 'The server refused this request', todo: 'Correct the error named below, then try again.' },
    'unknown-language': { title: 'The server does not know this language', todo: 'Choose another language. Your code is kept.' },
    'language-unavailable': { title: 'This language cannot be used now', todo: 'Choose another language, or ask the operator to install it. Your code is kept.' },
    'submission-too-large': { title: 'The program or its input is too large', todo: 'Shorten it, then send it again.' },
    'invalid-path': { title: 'A file has a name that is not permitted', todo: 'Rename the file.' },
    'invalid-limit': { title: 'A limit is outside its bounds', todo: 'Change the limit.' },
    'quota-used-up': { title: 'You have used up your quota', todo: 'End the sharing of programs that you no longer need (Your account → Programs), or ask the operator for more.' },
    'rate-limited': { title: 'Too many requests', todo: 'Wait a moment, then try again. Your code is kept.' },
    'too-many-waiting': { title: 'Too many of your programs are waiting', todo: 'Wait until some of them have ended, then try again.' },
    'too-many-attempts': { title: 'Too many attempts', todo: 'Wait a moment, then try again.' },
    'too-many-guests': { title: 'Too many visitors run programs from your network', todo: 'Wait a moment, or sign in: with an account, you can run programs now. Your code is kept.' },
    internal: { title: 'The server has failed', todo: 'The error is on the server. Try again. If the error stays, give the operator the number below.' },
    'queue-full': { title: 'The server is full', todo: 'Nothing was sent. Wait a moment, then try again. Your code is kept.' },
    'no-worker': { title: 'No machine can run this language now', todo: 'Nothing was sent. Try again later, or choose another language. Your code is kept.' },
    'disk-full': { title: 'The server’s disk is full', todo: 'Nothing was changed. Please inform the operator. Your code is kept in this browser.' },
    unavailable: { title: 'The server is busy', todo: 'Nothing was changed. Wait a moment, then try again. Your code is kept.' },
    misfit: { title: 'The server did not understand this page', todo: 'Reload the page. If the error stays, give the operator the number below.' },
    unknown: { title: 'This did not work', todo: 'Try again. If the error stays, give the operator the number below.' },
  },
  wait: (seconds) => (seconds === 1 ? 'The server asks to wait for 1 second.' : `The server asks to wait for ${seconds} seconds.`),
  server: 'The server says:',
}

const zhCN: ErrorTexts = {
  codes: {
    unauthorized: { title: '登录已失效', todo: '请重新登录。你的代码保存在此浏览器中。' },
    'wrong-credentials': { title: '用户名或密码错误', todo: '请检查后重试。' },
    'missing-scope': { title: '此 API 密钥没有权限', todo: '请使用具有下述权限的密钥。' },
    forbidden: { title: '你的账户没有权限', todo: '请向管理员申请所需的角色。' },
    'not-found': { title: '未找到', todo: '它可能已被删除，或你无权查看。' },
    'request-timeout': { title: '请求到达得太慢', todo: '没有任何更改。请检查网络连接后重试。' },
    taken: { title: '此名称已被占用', todo: '请换一个。' },
    conflict: { title: '现在无法这样做', todo: '状态已经改变。请刷新页面查看当前状态。' },
    'precondition-failed': { title: '另一台设备已保存了更新的版本', todo: '请刷新页面查看两个版本。您的版本保存在此浏览器中。' },
    'body-too-large': { title: '内容过大', todo: '请减少一次发送的内容。' },
    'input-window-full': { title: '程序没有读取输入', todo: '请等待程序读取，或结束程序。' },
    'invalid-package': { title: '题目包无效', todo: '请修正下面列出的错误后重新上传。' },
    'invalid-submission': { title: '服务器拒绝了此请求', todo: '请修正下面指出的问题后重试。' },
    'unknown-language': { title: '服务器不认识这种语言', todo: '请选择其他语言。你的代码已保存。' },
    'language-unavailable': { title: '这种语言现在不可用', todo: '请选择其他语言，或请运维人员安装它。你的代码已保存。' },
    'submission-too-large': { title: '程序或输入过大', todo: '请缩短后重新发送。' },
    'invalid-path': { title: '文件名不被允许', todo: '请重命名该文件。' },
    'invalid-limit': { title: '限制超出范围', todo: '请修改限制。' },
    'quota-used-up': { title: '配额已用完', todo: '请停止分享不再需要的程序（你的账户 → 程序），或向运维人员申请更多配额。' },
    'rate-limited': { title: '操作过于频繁', todo: '请稍候再试。你的代码已保存。' },
    'too-many-waiting': { title: '你等待中的程序过多', todo: '请等其中一些结束后再试。' },
    'too-many-attempts': { title: '尝试次数过多', todo: '请稍候再试。' },
    'too-many-guests': { title: '你的网络中运行程序的访客过多', todo: '请稍候再试，或登录：有账户即可立即运行。你的代码已保存。' },
    internal: { title: '服务器出错', todo: '这不是你的错。请重试；若仍然失败，请把下面的编号告诉运维人员。' },
    'queue-full': { title: '服务器已满', todo: '没有发送任何内容。请稍候再试。你的代码已保存。' },
    'no-worker': { title: '现在没有机器可以运行这种语言', todo: '没有发送任何内容。请稍后再试，或选择其他语言。你的代码已保存。' },
    'disk-full': { title: '服务器空间不足', todo: '没有任何更改。请告诉运维人员。你的代码保存在此浏览器中。' },
    unavailable: { title: '服务器繁忙', todo: '没有任何更改。请稍候再试。你的代码已保存。' },
    misfit: { title: '服务器无法理解此页面的请求', todo: '请刷新页面。若仍然失败，请把下面的编号告诉运维人员。' },
    unknown: { title: '操作未成功', todo: '请重试。若仍然失败，请把下面的编号告诉运维人员。' },
  },
  wait: (seconds) => `服务器要求等待 ${seconds} 秒。`,
  server: '服务器的说明：',
}

export const errors: Both<ErrorTexts> = { en, 'zh-CN': zhCN }

/** The entry of the catalogue for a code of the API. */
export function entryOf(code: string): Code | 'misfit' | 'unknown' {
  if ((MISFITS as readonly string[]).includes(code)) return 'misfit'
  return CODES.find((known) => known === code) ?? 'unknown'
}
