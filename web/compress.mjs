// Compresses the built site in advance, with Brotli and gzip, except fonts, whose format (WOFF2) is compressed: cupel-web embeds the results.
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { brotliCompressSync, constants, gzipSync } from 'node:zlib'

const dist = new URL('./dist/', import.meta.url).pathname
for (const folder of [dist, join(dist, 'assets')]) {
  for (const name of readdirSync(folder)) {
    const path = join(folder, name)
    if (name.startsWith('.') || /\.(br|gz|woff2)$/.test(name) || !statSync(path).isFile()) continue
    const bytes = readFileSync(path)
    const params = { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length }
    writeFileSync(`${path}.br`, brotliCompressSync(bytes, { params }))
    writeFileSync(`${path}.gz`, gzipSync(bytes, { level: 9 }))
  }
}
// Vite empties the folder; cargo watches it.
writeFileSync(
  join(dist, '.gitignore'),
  '# Vite writes the site here, and cupel-web embeds it. The folder exists so that cargo can watch it.\n*\n!.gitignore\n',
)
