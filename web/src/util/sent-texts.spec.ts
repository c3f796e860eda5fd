import { expect, test } from 'vitest'
import { SentTexts } from './sent-texts'

test('a text that the field has sent is its own once, also if later texts are on their way', () => {
  const sent = new SentTexts()
  sent.add('a')
  sent.add('ab')
  expect(sent.takes('a')).toBe(true)
  expect(sent.isWaiting).toBe(true)
  expect(sent.takes('ab')).toBe(true)
  expect(sent.isWaiting).toBe(false)
  expect(sent.takes('a')).toBe(false)
})

test('a text that a later one has overtaken is not its own afterwards', () => {
  const sent = new SentTexts()
  sent.add('a')
  sent.add('ab')
  sent.add('abc')
  expect(sent.takes('ab')).toBe(true)
  expect(sent.takes('a')).toBe(false)
})

test('after a change from outside, no text is on its way', () => {
  const sent = new SentTexts()
  sent.add('a')
  expect(sent.takes('')).toBe(false)
  expect(sent.takes('a')).toBe(false)
})
