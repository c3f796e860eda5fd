// Compresses the built site in advance, with Brotli and gzip, except fonts, whose format (WOFF2) is compressed: cupel-web embeds the results.
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { brotliCompress, constants, gzip } from 'node:zlib'

const [asBrotli, asGzip] = [promisify(brotliCompress), promisify(gzip)]

/** Compresses a file. Node.js does so in several threads. */
async function compress(path) {
  const bytes = readFileSync(path)
  const params = { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length }
  const [brotli, zipped] = await Promise.all([asBrotli(bytes, { params }), asGzip(bytes, { level: 9 })])
  writeFileSync(`${path}.br`, brotli)
  writeFileSync(`${path}.gz`, zipped)
}

const dist = new URL('./dist/', import.meta.url).pathname
const files = [dist, join(dist, 'assets')].flatMap((folder) => readdirSync(folder).map((name) => join(folder, name)))
const isToCompress = (path) => !/\/\.[^/]*$|\.(br|gz|woff2)$/.test(path) && statSync(path).isFile()
await Promise.all(files.filter(isToCompress).map(compress))
// Vite empties the folder; cargo watches it.
writeFileSync(
  join(dist, '.gitignore'),
  '# Vite writes the site here, and cupel-web embeds it. The folder exists so that cargo can watch it.\n*\n!.gitignore\n',
)
