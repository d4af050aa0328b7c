/**
 * `make test`: runs Mocha twice at the same time, each with about half of the work, and passes its arguments to both. The output of the second
 * half follows that of the first. With files as arguments it runs those in one Mocha. Writes the totals to the file named by TEST_TOTALS.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** The tests that start processes, which wait more than they compute. */
const PROCESSES = 'test/{cli,e2e,examples,peer-link,public}/**/*.test.ts'
const MOCHA = join(import.meta.dirname, '..', 'node_modules', '.bin', 'mocha')

interface Half {
  readonly code: number
  readonly output: string
  readonly totals: readonly [passed: number, failed: number]
}

const args = process.argv.slice(2)
const folder = mkdtempSync(join(tmpdir(), 'quorate-test-'))
process.once('exit', () => rmSync(folder, { recursive: true, force: true }))

const hasFiles = args.some((argument) => argument.endsWith('.ts'))
const halves = hasFiles
  ? [run('all', args, true)]
  : [
      run('processes', [...args, '--spec', PROCESSES], true),
      run('rest', [...args, '--spec', 'test/**/*.test.ts', '--ignore', PROCESSES], false),
    ]
const [first, ...others] = await Promise.all(halves)
const ended = [first as Half, ...others]
for (const { output } of others) process.stdout.write(output)

const [passed, failed] = [0, 1].map((column) =>
  ended.reduce((sum, { totals }) => sum + (totals[column] as number), 0),
) as [number, number]
console.log(`${passed} passed, ${failed} failed`)
if (process.env.TEST_TOTALS) writeFileSync(process.env.TEST_TOTALS, `${passed} passed, ${failed} failed\n`)
process.exitCode = Math.max(...ended.map(({ code }) => code))

/** Resolves when Mocha has ended. Its output is collected unless it is live. */
async function run(name: string, mochaArgs: readonly string[], isLive: boolean): Promise<Half> {
  const file = join(folder, name)
  const colors = process.stdout.isTTY ? ['--color'] : []
  const mocha = spawn(MOCHA, [...mochaArgs, ...colors], {
    env: { ...process.env, TEST_TOTALS: file },
    stdio: ['ignore', isLive ? 'inherit' : 'pipe', isLive ? 'inherit' : 'pipe'],
  })
  const chunks: Buffer[] = []
  for (const stream of [mocha.stdout, mocha.stderr]) stream?.on('data', (chunk: Buffer) => chunks.push(chunk))
  const [code] = (await once(mocha, 'close')) as [number | null]
  return { code: code ?? 1, output: Buffer.concat(chunks).toString(), totals: totalsIn(file) }
}

/** A run that did not finish counts as a failure. */
function totalsIn(file: string): [number, number] {
  try {
    const [passed, failed] = (readFileSync(file, 'utf8').match(/\d+/g) ?? []).map(Number)
    return [passed as number, failed as number]
  } catch {
    return [0, 1]
  }
}
