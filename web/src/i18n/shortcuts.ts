// Texts of the list of keyboard shortcuts, and of the setting that turns single-key shortcuts off.
import type { Both } from './messages'

const en = {
  search: 'Search problems',
  enter: 'Open the problem',
  run: 'Run on the samples; in the playground, run',
  submit: 'Submit; in the playground, run',
  leave: 'Leave the editor',
  leaveTerminal: 'Leave the terminal',
  copyTerminal: 'Copy from the terminal',
  arrows: 'In the row of tests: the next test. On a divider: move it',
  palette: 'Search, and change settings',
  help: 'Show this list',
  single: 'Single-key shortcuts',
  singleDetail: 'Press a key above to choose another one. Turn them off if speech input or your keyboard triggers them by mistake. Shortcuts with Ctrl stay on.',
  off: 'off',
  then: 'then',
  filters: 'Go to the filters',
  editor: 'Go to the editor',
  marks: 'Next compiler message',
  change: (text: string, key: string) => `${text}: ${key}. Choose another key`,
  press: 'Press a key',
  taken: (key: string, text: string) => `“${key}” is the key for “${text}”. Press another one, or Escape.`,
  notOne: 'Press a key with one character, without Ctrl, or Escape.',
  usual: 'Restore the usual keys',
}

export type ShortcutTexts = typeof en

const zhCN: ShortcutTexts = {
  search: '搜索题目',
  enter: '打开题目',
  run: '在样例上运行；在练习场中为运行',
  submit: '提交；在练习场中为运行',
  leave: '离开编辑器',
  leaveTerminal: '离开终端',
  copyTerminal: '从终端复制',
  arrows: '在测试点中：下一个测试点；在分隔条上：移动分隔条',
  palette: '搜索与更改设置',
  help: '显示此列表',
  single: '单键快捷键',
  singleDetail: '点击上面的按键可以更换它。如果语音输入或键盘会误触，请关闭单键快捷键。带 Ctrl 的快捷键不受影响。',
  off: '已关闭',
  then: '再按',
  filters: '转到筛选',
  editor: '转到编辑器',
  marks: '下一条编译信息',
  change: (text, key) => `${text}：${key}。选择其他按键`,
  press: '请按一个键',
  taken: (key, text) => `“${key}”已用于“${text}”。请按其他键，或按 Escape 取消。`,
  notOne: '请按一个单字符键（不带 Ctrl），或按 Escape 取消。',
  usual: '恢复默认按键',
}

export const shortcuts: Both<ShortcutTexts> = { en, 'zh-CN': zhCN }
