/** A program that acts as a chaos run: it makes its directory, mounts a disk if it may, prints both paths and waits to be killed. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { makeRunDirectory } from '../../chaos/cluster/run-directory.ts'
import { TinyDisk } from '../../chaos/cluster/tiny-disk.ts'

const [, program, name] = process.argv
if (program === import.meta.filename) {
  const directory = makeRunDirectory(name as string)
  const disk = TinyDisk.mount(join(directory, 'tiny'))
  if (disk !== undefined) writeFileSync(join(disk.path, 'data'), 'of a node')
  process.stdout.write(`${JSON.stringify({ directory, disk: disk?.path })}\n`)
  setInterval(() => undefined, 60_000)
}
