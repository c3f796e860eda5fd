// Texts of the list of keyboard shortcuts, and of the setting that turns single-key shortcuts off.
import type { Both } from './messages'

const en = {
  single: 'Single-key shortcuts',
  singleDetail: 'Turn them off if speech input or your keyboard triggers them by mistake. Shortcuts with Ctrl stay on.',
  off: 'off',
  then: 'then',
  filters: 'Go to the filters',
  editor: 'Go to the editor',
  marks: 'Next compiler message',
}

export type ShortcutTexts = typeof en

const zhCN: ShortcutTexts = {
  single: '单键快捷键',
  singleDetail: '如果语音输入或键盘会误触，请关闭它们。带 Ctrl 的快捷键不受影响。',
  off: '已关闭',
  then: '再按',
  filters: '转到筛选',
  editor: '转到编辑器',
  marks: '下一条编译信息',
}

export const shortcuts: Both<ShortcutTexts> = { en, 'zh-CN': zhCN }
