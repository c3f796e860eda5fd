// The texts of a draft's history, and of the note about an offered version.
import type { Both } from './messages'

const en = {
  history: 'History',
  title: 'History of this code',
  detail: 'Versions of the code in this language. If you restore a version, the current code is kept.',
  isSaved: 'The server has your latest changes.',
  isWaiting: 'This browser has your latest changes; they are saved on the server as soon as possible.',
  isUnsaveable: 'This browser has your latest changes. The server has refused to save them, and is asked again after the next change.',
  visitor: 'Sign in, and the server keeps your code as well.',
  none: 'There are no versions yet.',
  failed: 'The versions on the server cannot be read now.',
  failedOne: 'This version cannot be read now.',
  list: 'Versions',
  current: 'Current code',
  origins: {
    server: 'Saved',
    tab: 'From another tab',
    device: 'From another device',
    visitor: 'Before you signed in',
    replaced: 'Replaced here',
  },
  empty: '(empty)',
  more: (lines: number) => (lines === 1 ? '1 more line' : `${lines} more lines`),
  preview: 'The code of this version',
  restore: 'Restore this version',
  reading: 'Reading this version',
  offered: {
    tab: 'Another tab had different code here.',
    device: 'Another device has different code here.',
    visitor: 'You wrote different code here before you signed in.',
    replaced: 'The code that you had here before is kept.',
  },
  load: 'Load that code',
  keep: 'Keep this code',
}

export type DraftTexts = typeof en

const zhCN: DraftTexts = {
  history: '历史',
  title: '这份代码的历史',
  detail: '此语言代码的各个版本。恢复某个版本时会保留当前版本。',
  isSaved: '服务器已有你的最新更改。',
  isWaiting: '你的最新更改已在此浏览器中，会尽快保存到服务器。',
  isUnsaveable: '你的最新更改已在此浏览器中。服务器拒绝保存，下次更改后会再次尝试。',
  visitor: '登录后，服务器也会保存你的代码。',
  none: '还没有版本。',
  failed: '暂时无法读取服务器上的版本。',
  failedOne: '暂时无法读取此版本。',
  list: '版本',
  current: '当前代码',
  origins: {
    server: '已保存',
    tab: '来自另一个标签页',
    device: '来自另一台设备',
    visitor: '登录之前',
    replaced: '在此被替换',
  },
  empty: '（空）',
  more: (lines) => `还有 ${lines} 行`,
  preview: '此版本的代码',
  restore: '恢复此版本',
  reading: '正在读取此版本',
  offered: {
    tab: '另一个标签页在这里有不同的代码。',
    device: '另一台设备在这里有不同的代码。',
    visitor: '登录之前你在这里写了不同的代码。',
    replaced: '你之前在这里的代码已保留。',
  },
  load: '载入那份代码',
  keep: '保留这份代码',
}

export const drafts: Both<DraftTexts> = { en, 'zh-CN': zhCN }
