/** Runs an example as a reader does, at ports of its own. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
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

/** The README of the example has this output after "it prints", but for numbers, and for what follows one of the words that `varies` matches. */
export function assertPrinted(name: string, output: string, varies?: RegExp): void {
  const readme = readFileSync(join(ROOT, 'examples', name, 'README.md'), 'utf8')
  const [, block = ''] = /^(?:With .* i|I)t prints.*:\n\n```\n([\s\S]*?)^```/m.exec(readme) ?? []
  const comparable = (text: string): string =>
    text
      .split('\n')
      .map((line) => numberless(varies === undefined ? line : line.replace(varies, '$1')))
      .join('\n')
  assert.equal(comparable(output), comparable(block))
}

function numberless(line: string): string {
  return line.replace(/\d+(\.\d+)?(, \d+)*/g, 'N')
}
