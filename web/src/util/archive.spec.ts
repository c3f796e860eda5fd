import { strFromU8, unzipSync } from 'fflate'
import { expect, test } from 'vitest'
import { archiveOf } from './archive'

test('an archive has every file with its path and text', () => {
  const files = [
    { path: 'main.py', text: 'print("é")\n' },
    { path: 'lib/empty.txt', text: '' },
  ]
  const found = Object.entries(unzipSync(archiveOf(files))).map(([path, bytes]) => ({ path, text: strFromU8(bytes) }))
  expect(found).toEqual(files)
})
