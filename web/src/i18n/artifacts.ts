// The texts about files that a program leaves behind, loaded with the playground.
import type { Both } from './messages'

const en = {
  keep: 'Output files to keep',
  keepHint: 'Patterns such as *.png or plots/**/*.svg, separated by spaces.',
  faults: {
    many: 'At most 16 patterns are allowed.',
    long: 'A pattern has at most 128 bytes and 32 folders.',
    outside: 'Use relative patterns without “..”, such as plots/*.png.',
  },
  title: 'Files',
  none: (patterns: string) => `The program left no new or changed file that matches ${patterns}.`,
  noneAfterLimit: 'No files were kept, because a limit ended the program.',
  more: 'There are more files. These are the first by name.',
  download: 'Download',
  downloadOf: (name: string) => `Download ${name}`,
  pictureOf: (name: string) => `Picture ${name}`,
  broken: 'This picture cannot be shown. Download it to look at it.',
  types: { text: 'text', unknown: 'binary' },
  omitted: {
    file_too_large: 'Not kept: larger than 4 MiB',
    no_room: 'Not kept: all files and the output together are too large',
    too_many: 'Not kept: there are more than 100 files',
  },
}

export type ArtifactTexts = typeof en

const zhCN: ArtifactTexts = {
  keep: '要保留的输出文件',
  keepHint: '匹配模式，例如 *.png 或 plots/**/*.svg，用空格分隔。',
  faults: {
    many: '最多允许 16 个模式。',
    long: '一个模式最多 128 字节、32 层目录。',
    outside: '请使用不含“..”的相对模式，例如 plots/*.png。',
  },
  title: '文件',
  none: (patterns) => `程序没有留下匹配 ${patterns} 的文件。`,
  noneAfterLimit: '程序因达到限制而结束，没有保留文件。',
  more: '还有更多文件。这里按名称列出最前面的文件。',
  download: '下载',
  downloadOf: (name) => `下载 ${name}`,
  pictureOf: (name) => `图片 ${name}`,
  broken: '无法显示此图片。请下载后查看。',
  types: { text: '文本', unknown: '二进制' },
  omitted: {
    file_too_large: '未保留：大于 4 MiB',
    no_room: '未保留：全部文件和输出合计过大',
    too_many: '未保留：文件超过 100 个',
  },
}

export const artifactTexts: Both<ArtifactTexts> = { en, 'zh-CN': zhCN }
