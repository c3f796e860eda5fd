// The texts of the panel that shares a program, of the HTML that embeds it in another page, and of the page in that frame.
import type { Both } from './messages'

const en = {
  name: 'Title',
  nameHint: 'Optional. It is shown above the program.',
  newName: 'A program with another title gets another link.',
  make: 'Make the link',
  label: 'HTML that embeds this program',
  hint: 'Other sites can show it only if this server permits them. Ask the administrator to permit yours.',
  title: (language: string) => `${language} program`,
  noRun: 'This program cannot run in this frame.',
  open: 'Open in Cupel to run it',
  linkPublic: 'Everybody who has the link can read this program, its arguments and its input.',
  link: 'Link to this program',
  linkCopied: 'The link was copied.',
  sharing: 'Making the link',
  closeLink: 'Close',
  embed: 'Embed',
}

export type EmbedTexts = typeof en

const zhCN: EmbedTexts = {
  name: '标题',
  nameHint: '可选，显示在程序上方。',
  newName: '标题不同，链接也不同。',
  make: '生成链接',
  label: '嵌入此程序的 HTML',
  hint: '只有此服务器允许的网站才能显示它。请联系管理员允许你的网站。',
  title: (language) => `${language} 程序`,
  noRun: '此程序无法在此框架中运行。',
  open: '在 Cupel 中打开并运行',
  linkPublic: '任何拥有链接的人都能阅读此程序及其参数和输入。',
  link: '此程序的链接',
  linkCopied: '链接已复制。',
  sharing: '正在生成链接',
  closeLink: '关闭',
  embed: '嵌入',
}

export const embedTexts: Both<EmbedTexts> = { en, 'zh-CN': zhCN }
