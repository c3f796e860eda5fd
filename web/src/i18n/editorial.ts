// The texts of the editorial of a problem, loaded with it.
import type { Both } from './messages'

const en = {
  spoiler: 'The editorial explains the solution',
  spoilerDetail: 'You have not solved this problem yet.',
  show: 'Show the editorial',
  download: 'Download the editorial',
  gone: 'You cannot read the editorial now. It is not shown while the problem is part of a contest.',
}

type EditorialTexts = typeof en

const zhCN: EditorialTexts = {
  spoiler: '题解会讲解这道题的解法',
  spoilerDetail: '你还没有解出这道题。',
  show: '显示题解',
  download: '下载题解',
  gone: '现在不能查看题解。题目用于比赛期间，题解不会显示。',
}

export const editorialTexts: Both<EditorialTexts> = { en, 'zh-CN': zhCN }
