// The texts of the button that lifts the freeze of a contest, loaded with it.
import type { Both } from './messages'

const en = {
  unfreeze: 'Unfreeze standings',
  sure: 'Everybody will see the results that the freeze hides, and the final standings.',
  now: 'Unfreeze now',
  not: 'Keep the freeze',
  done: 'The standings are no longer frozen.',
}

export type UnfreezeTexts = typeof en

const zhCN: UnfreezeTexts = {
  unfreeze: '解除封榜',
  sure: '所有人都将看到封榜期间隐藏的结果和最终排名。',
  now: '立即解除',
  not: '保持封榜',
  done: '排名已解除封榜。',
}

export const unfreezeTexts: Both<UnfreezeTexts> = { en, 'zh-CN': zhCN }
