/**
 * `make test`: runs Mocha in lanes at the same time, and passes its arguments on. The output of the first lane is live, and that of the others
 * follows it. With files as arguments it runs those in one Mocha. Writes the totals to the file named by TEST_TOTALS. Leaves out the tests of
 * `test/long.ts`, unless files are given or LONG_TESTS is set.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, sep } from 'node:path'

/** Folders of tests by what they mostly do: wait for clusters of processes, for other programs, or for the disk. The tests of all others compute. */
const CLUSTERS = ['e2e', 'peer-link', 'upgrade']
const PROGRAMS = ['cli', 'examples', 'public']
const DISKS = ['contracts', 'data-directory', 'rocksdb', 'segments', 'storage']
const MOCHA = join(import.meta.dirname, '..', 'node_modules', '.bin', 'mocha')

interface Result {
  readonly code: number
  /** What was not written to the terminal at once. */
  readonly output: string
  readonly totals: readonly [passed: number, failed: number]
}

const args = process.argv.slice(2)
const folder = mkdtempSync(join(tmpdir(), 'quorate-test-'))
process.once('exit', () => rmSync(folder, { recursive: true, force: true }))

const hasFiles = args.some((argument) => argument.endsWith('.ts'))
const longTests = hasFiles ? '1' : process.env.LONG_TESTS
const lanes = hasFiles ? [lane({ all: [] }, true)] : lanesOfAll()
const ended = (await Promise.all(lanes)).flat()
for (const { output } of ended) process.stdout.write(output)

const [passed, failed] = [0, 1].map((column) =>
  ended.reduce((sum, { totals }) => sum + (totals[column] as number), 0),
) as [number, number]
console.log(`${passed} passed, ${failed} failed`)
if (process.env.TEST_TOTALS) writeFileSync(process.env.TEST_TOTALS, `${passed} passed, ${failed} failed\n`)
process.exitCode = Math.max(...ended.map(({ code }) => code))

/** Each lane takes about as long as the others, on two cores. Within one, a Mocha follows the other. */
function lanesOfAll(): Promise<Result[]>[] {
  const programs = filesIn(PROGRAMS)
  const clusters = filesIn(CLUSTERS)
  const [one, other] = [0, 1].map((rest) => clusters.filter((_, at) => at % 2 === rest)) as [string[], string[]]
  const checks = testFiles().filter((file) => ![...clusters, ...programs].includes(file) && hasChecks(file))
  const disks = filesIn(DISKS).filter((file) => !checks.includes(file))
  const others = [...clusters, ...programs, ...checks, ...disks]
  const rest = testFiles().filter((file) => !others.includes(file))
  return [
    lane({ clusters: one, checks }, true),
    lane({ 'more clusters': other, disks }),
    lane({ programs }),
    lane({ rest }),
  ]
}

/** The output of the first Mocha of a live lane is not collected. */
async function lane(mochas: Readonly<Record<string, readonly string[]>>, isLive = false): Promise<Result[]> {
  const results: Result[] = []
  for (const [name, files] of Object.entries(mochas)) {
    const specs = files.flatMap((file) => ['--spec', file])
    results.push(await run(name, [...args, ...specs], isLive && results.length === 0))
  }
  return results
}

function filesIn(folders: readonly string[]): string[] {
  return testFiles().filter((file) => folders.includes(file.split(sep)[1] as string))
}

/** The tests of checkStateMachine have a process of their own: its guard costs several times as much where thousands of functions are loaded. */
function hasChecks(file: string): boolean {
  return readFileSync(file, 'utf8').includes('checkStateMachine(')
}

function testFiles(): string[] {
  const names = readdirSync('test', { recursive: true, encoding: 'utf8' }).sort()
  return names.filter((name) => name.endsWith('.test.ts')).map((name) => join('test', name))
}

/** Resolves when Mocha has ended. Its output is collected unless it is live. */
async function run(name: string, mochaArgs: readonly string[], isLive: boolean): Promise<Result> {
  const file = join(folder, name)
  const colors = process.stdout.isTTY ? ['--color'] : []
  const mocha = spawn(MOCHA, [...mochaArgs, ...colors], {
    env: { ...process.env, ...(longTests && { LONG_TESTS: longTests }), TEST_TOTALS: file },
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
