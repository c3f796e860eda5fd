// The texts that only the organizers of a contest see on its page, loaded with these parts.
import type { Both } from './messages'

const en = {
  frozen: 'The standings are frozen. Contestants see the results from before the freeze.',
  reveal: 'Show me all results',
  revealed: 'Only organizers see these standings. They include the results that the freeze hides.',
  hide: 'Show what contestants see',
  joinCode: 'Join code',
  joinHint: 'Users who enter it on this page may see the contest and take part.',
}

export type OrganizerViewTexts = typeof en

const zhCN: OrganizerViewTexts = {
  frozen: '已封榜。参赛者看到的是封榜前的结果。',
  reveal: '显示全部结果（仅自己可见）',
  revealed: '只有组织者能看到此排名，其中包含封榜期间隐藏的结果。',
  hide: '显示参赛者看到的排名',
  joinCode: '邀请码',
  joinHint: '在此页面输入邀请码的用户可以看到并参加比赛。',
}

export const organizerViewTexts: Both<OrganizerViewTexts> = { en, 'zh-CN': zhCN }
