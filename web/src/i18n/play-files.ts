// Texts of the files of the playground, loaded with them.
import type { Both } from './messages'

const en = {
  files: 'Files',
  add: 'Add a file',
  addNew: 'Add',
  rename: 'Rename this file',
  remove: 'Delete this file',
  removed: (path: string) => `${path} was deleted.`,
  path: 'Name of the file',
  mainFile: 'The main file has the name that the language expects.',
  tooMany: (most: number) => `A program has at most ${most} ${most === 1 ? 'file' : 'files'}.`,
  pathFaults: {
    empty: 'A file needs a name.',
    taken: 'Another file has this name.',
    outside: 'Use a relative path without “..”, such as lib/helper.py.',
    long: 'This name is too long.',
  },
}

type PlayFilesTexts = typeof en

const zhCN: PlayFilesTexts = {
  files: '文件',
  add: '添加文件',
  addNew: '添加',
  rename: '重命名此文件',
  remove: '删除此文件',
  removed: (path) => `已删除 ${path}。`,
  path: '文件名',
  mainFile: '主文件使用该语言规定的名称。',
  tooMany: (most) => `一个程序最多 ${most} 个文件。`,
  pathFaults: {
    empty: '文件需要名称。',
    taken: '已有同名文件。',
    outside: '请使用不含“..”的相对路径，例如 lib/helper.py。',
    long: '文件名过长。',
  },
}

export const playFiles: Both<PlayFilesTexts> = { en, 'zh-CN': zhCN }
