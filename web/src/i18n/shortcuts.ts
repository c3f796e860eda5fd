// What the list of keyboard shortcuts can change.
import type { Both } from './messages'

const en = {
  single: 'Shortcuts of a single key',
  singleDetail: 'Turn them off if speech input or your keyboard presses them by mistake. Those with Ctrl stay.',
  filters: 'Go to the filters',
  marks: 'Next message of the compiler',
}

export type ShortcutTexts = typeof en

const zhCN: ShortcutTexts = {
  single: '单键快捷键',
  singleDetail: '如果语音输入或键盘会误触，请关闭它们。带 Ctrl 的快捷键不受影响。',
  filters: '转到筛选',
  marks: '下一条编译信息',
}

export const shortcuts: Both<ShortcutTexts> = { en, 'zh-CN': zhCN }
