import { expect, test } from 'vitest'
import { Drag } from './touch-scroll'

test('the content follows the finger, and parts of lines add up', () => {
  const drag = new Drag(10, 0)
  expect([9.6, 9.2, 8.8, 7.5].map((position, at) => drag.move(position, 10 * at))).toEqual([0, 0, 1, 1])
  // The finger returns to where it was.
  expect(drag.move(10, 50)).toBe(-2)
})

test('a flick goes on and becomes slower until it ends, and a finger that rested has no flick', () => {
  const drag = new Drag(0, 0)
  for (let at = 10; at <= 50; at += 10) drag.move(-at / 10, at)
  let speed = drag.speed(50)
  expect(speed).toBeCloseTo(0.1)
  let lines = 0
  let frames = 0
  for (; speed !== 0 && frames < 1_000; frames += 1) {
    const next = drag.glide(speed, 16)
    expect(Math.abs(next.speed)).toBeLessThan(speed)
    lines += next.lines
    speed = next.speed
  }
  expect(lines).toBeGreaterThan(20)
  expect(frames).toBeLessThan(200)
  expect(drag.speed(200)).toBe(0)
})
