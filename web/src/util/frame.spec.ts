import { expect, it } from 'vitest'
import { frameOf } from './frame'

it('the frame of a shared program shows it without the app bar, and its title is text', () => {
  expect(frameOf('https://judge.example/cupel/p/abc', 'C "++" <b>')).toBe(
    '<iframe src="https://judge.example/cupel/p/abc?embed=1" title="C &quot;++&quot; &lt;b&gt;" width="100%" height="480" loading="lazy" allow="clipboard-write"></iframe>',
  )
})
