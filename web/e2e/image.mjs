// A container image with one program, built without Docker: a static `parrot` that prints its source file.
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const PARROT = `#include <stdio.h>
#include <string.h>
int main(int argc, char **argv) {
    if (!strcmp(argv[argc - 1], "--version")) return puts("parrot 1.2.3") < 0;
    FILE *file = fopen(argv[1], "r");
    for (int c; file && (c = getc(file)) != EOF;) putchar(c);
    return !file;
}
`

const LANGUAGE = `name = "Parrot"
image = "zoo/parrot:1"
extensions = ["parrot"]
source = "main.parrot"
execute = ["parrot", "{source}"]
version = { command = ["parrot", "--version"] }
[[samples]]
name = "hello"
source = "hello"
stdout = "hello"
`

/** Writes an OCI layout and a language file for it, and returns their paths. */
export function makeImage() {
  const work = mkdtempSync(join(tmpdir(), 'cupel-image-'))
  // The owner of the data directory reads the image.
  chmodSync(work, 0o755)
  mkdirSync(join(work, 'root/bin'), { recursive: true })
  writeFileSync(join(work, 'parrot.c'), PARROT)
  execFileSync('gcc', ['-static', '-o', join(work, 'root/bin/parrot'), join(work, 'parrot.c')])
  execFileSync('tar', ['-C', join(work, 'root'), '-cf', join(work, 'layer.tar'), '.'])
  const layout = join(work, 'layout')
  const blobs = join(layout, 'blobs/sha256')
  mkdirSync(blobs, { recursive: true })
  const blob = (data, type) => {
    const digest = createHash('sha256').update(data).digest('hex')
    writeFileSync(join(blobs, digest), data)
    return { mediaType: `application/vnd.oci.image.${type}`, digest: `sha256:${digest}`, size: data.length }
  }
  const json = (value, type) => blob(Buffer.from(JSON.stringify(value)), type)
  const layer = blob(readFileSync(join(work, 'layer.tar')), 'layer.v1.tar')
  const rootfs = { type: 'layers', diff_ids: [layer.digest] }
  const config = json({ architecture: 'amd64', os: 'linux', config: { Env: ['PATH=/bin'] }, rootfs }, 'config.v1+json')
  const manifest = json({ schemaVersion: 2, config, layers: [layer] }, 'manifest.v1+json')
  writeFileSync(join(layout, 'index.json'), JSON.stringify({ schemaVersion: 2, manifests: [manifest] }))
  writeFileSync(join(work, 'parrot.toml'), LANGUAGE)
  return { work, layout, language: join(work, 'parrot.toml') }
}
