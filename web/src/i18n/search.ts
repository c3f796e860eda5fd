// The texts of the editor's search, loaded with it. The keys are CodeMirror's texts in English.
import type { Both } from './messages'

type Phrases = Record<string, string>

const zhCN: Phrases = {
  Find: '查找',
  Replace: '替换',
  next: '下一个',
  previous: '上一个',
  all: '全部',
  'match case': '区分大小写',
  regexp: '正则表达式',
  'by word': '全字匹配',
  replace: '替换',
  'replace all': '全部替换',
  close: '关闭',
  'current match': '当前匹配',
  'on line': '所在行',
  'replaced match on line $': '已替换第 $ 行的匹配',
  'replaced $ matches': '已替换 $ 处匹配',
  'Go to line': '转到行',
  go: '转到',
}

export const searchTexts: Both<Phrases> = { en: {}, 'zh-CN': zhCN }
