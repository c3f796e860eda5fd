// The texts of the snippet that embeds a shared program in another page, loaded with it.
import type { Both } from './messages'

const en = {
  label: 'HTML that embeds this program',
  hint: 'Only sites that the operator of this server permits (server.embed_origins) can show it.',
  title: (language: string) => `${language} program`,
}

export type EmbedTexts = typeof en

const zhCN: EmbedTexts = {
  label: '嵌入此程序的 HTML',
  hint: '只有服务器管理员允许的网站（server.embed_origins）才能显示它。',
  title: (language) => `${language} 程序`,
}

export const embedTexts: Both<EmbedTexts> = { en, 'zh-CN': zhCN }
