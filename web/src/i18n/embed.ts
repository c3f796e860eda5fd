// The texts of the snippet that embeds a shared program in another page, loaded with it.
import type { Both } from './messages'

const en = {
  label: 'HTML that embeds this program',
  hint: 'Other sites can show it only if this server permits them. Ask the administrator to permit yours.',
  title: (language: string) => `${language} program`,
}

export type EmbedTexts = typeof en

const zhCN: EmbedTexts = {
  label: '嵌入此程序的 HTML',
  hint: '只有此服务器允许的网站才能显示它。请联系管理员允许你的网站。',
  title: (language) => `${language} 程序`,
}

export const embedTexts: Both<EmbedTexts> = { en, 'zh-CN': zhCN }
