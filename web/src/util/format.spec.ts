import { expect, it } from 'vitest'
import { ago } from './format'

it('an age has a space between the number and the word in every language', () => {
  const of = (seconds: number, language: string) => ago(new Date(0).toISOString(), seconds * 1000, language)
  expect([of(780, 'en'), of(780, 'zh-CN')]).toEqual(['13 minutes ago', '13 分钟前'])
})
