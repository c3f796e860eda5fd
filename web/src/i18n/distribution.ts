// The texts of the comparison with other accepted solutions.
import type { Both } from './messages'

const en = {
  title: 'Compared with other solutions',
  time: 'Time',
  memory: 'Memory',
  faster: (percent: number) => `Faster than ${percent} % of the other users`,
  smaller: (percent: number) => `Less memory than ${percent} % of the other users`,
  you: (figure: string) => `You: ${figure}`,
  bar: (from: string, to: string, n: string) => `${from} to ${to}: ${n}`,
  last: (from: string, n: string) => `${from} or more: ${n}`,
  chart: (name: string, users: string, from: string, to: string) => `${name} of ${users} users, from ${from} to ${to}`,
  alike: (users: string, figure: string) => `The solutions of ${users} users need about the same: ${figure}.`,
  note: (language: string) => `The best solution of each user in ${language}. Your best solution is highlighted.`,
  few: (language: string) => `The comparison appears when ten users have solved this problem in ${language}.`,
  frozen: 'Solutions that a contest’s freeze hides are not included.',
}

export type DistributionTexts = typeof en

const zhCN: DistributionTexts = {
  title: '与其他解答比较',
  time: '时间',
  memory: '内存',
  faster: (percent) => `快于其他用户的 ${percent} %`,
  smaller: (percent) => `内存少于其他用户的 ${percent} %`,
  you: (figure) => `你：${figure}`,
  bar: (from, to, n) => `${from} 至 ${to}：${n}`,
  last: (from, n) => `${from} 及以上：${n}`,
  chart: (name, users, from, to) => `${users} 位用户的${name}，${from} 至 ${to}`,
  alike: (users, figure) => `${users} 位用户的解答用量相近：${figure}。`,
  note: (language) => `每位用户在 ${language} 中的最佳解答。你的最佳解答已标出。`,
  few: (language) => `有十位用户用 ${language} 解出此题后会显示比较。`,
  frozen: '因比赛封榜而隐藏的解答未计入。',
}

export const distribution: Both<DistributionTexts> = { en, 'zh-CN': zhCN }
