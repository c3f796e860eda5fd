// The files of a program as a ZIP archive.
import { strToU8, zipSync } from 'fflate'
import type { PlayFile } from './play'

export const archiveOf = (files: readonly PlayFile[]): Uint8Array<ArrayBuffer> =>
  zipSync(Object.fromEntries(files.map(({ path, text }) => [path, strToU8(text)]))) as Uint8Array<ArrayBuffer>
