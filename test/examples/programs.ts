/** Runs an example as a reader does, at ports of its own. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { freeRange } from '../../src/cli/demo/free-ports.ts'

const ROOT = join(import.meta.dirname, '..', '..')

/** What examples/NAME/main.ts prints. Its nodes take three ports from `port` on, or later ones that are free. */
export async function outputOf(name: string, port: number, ...args: string[]): Promise<string> {
  const free = await freeRange(port, 3)
  const command = ['--import', 'tsx', join(ROOT, 'examples', name, 'main.ts'), '--port', `${free}`, ...args]
  const { status, stdout, stderr } = spawnSync(process.execPath, command, { cwd: ROOT, encoding: 'utf8' })
  assert.equal(status, 0, stdout + stderr)
  return stdout
}
