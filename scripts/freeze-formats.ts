/** Writes the bytes of this release to test/frozen/VERSION, from where the tests of all later releases read them. Never changes a file. */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { VERSION } from '../src/runtime/version.ts'
import { formatFixture, plain } from '../test/frozen/fixture-file.ts'
import { FORMATS } from '../test/frozen/formats/formats.ts'

const directory = fileURLToPath(new URL(`../test/frozen/${VERSION}/`, import.meta.url))
const existing = FORMATS.map(({ name }) => `${directory}${name}.txt`).filter((path) => existsSync(path))
if (existing.length > 0) {
  console.error(`the bytes of ${VERSION} are frozen already, and stay as they are: ${existing.join(', ')}`)
  console.error('Raise the version in package.json and src/runtime/version.ts first.')
  process.exit(1)
}

const files: [path: string, text: string][] = []
for (const format of FORMATS) {
  const entries = []
  for (const { name, bytes } of await format.samples()) {
    // Read and written once, because the fields of a sample may be in another order.
    const copy = Buffer.from(await format.rewrite(Buffer.from(bytes), name))
    entries.push({ name, bytes: copy, content: plain(await format.read(copy, name)) })
  }
  files.push([`${directory}${format.name}.txt`, formatFixture(`quorate ${VERSION}: ${format.name}`, entries)])
}
mkdirSync(directory, { recursive: true })
for (const [path, text] of files) {
  writeFileSync(path, text, { flag: 'wx' })
  console.log(path)
}
