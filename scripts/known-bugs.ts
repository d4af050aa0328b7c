/** `make museum`: hunts every bug of the museum, each in a process of its own, and writes the page that tells what caught it. */
import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { parseArgs, promisify } from 'node:util'
import { KNOWN_BUGS } from '../test/known-bugs/catalog.ts'
import type { Detection } from '../test/known-bugs/detect.ts'
import type { KnownBug } from '../test/known-bugs/known-bug.ts'
import { RUNS_MAX } from '../test/known-bugs/known-bug.ts'
import { pageOf } from '../test/known-bugs/page.ts'
import { walkThrough } from '../test/known-bugs/walkthrough.ts'

const ROOT = join(import.meta.dirname, '..')
/** A hunt that takes longer has found a node that runs in circles. */
const DETECTION_TIMEOUT_MS = 300_000

const run = promisify(execFile)
const { values, positionals: names } = parseArgs({ options: { story: { type: 'string' } }, allowPositionals: true })
if (values.story !== undefined) {
  const told = KNOWN_BUGS.find(({ name }) => name === values.story)
  if (told === undefined) exitForUnknownNames([values.story])
  await walkThrough(told, (line) => process.stdout.write(`${line}\n`))
  process.exit()
}
const selected = names.length === 0 ? KNOWN_BUGS : KNOWN_BUGS.filter(({ name }) => names.includes(name))
if (selected.length === 0) exitForUnknownNames(names)

const detections = new Map<string, Detection>()
const queue = [...selected]
let reported = 0
await Promise.all(Array.from({ length: Math.min(availableParallelism(), queue.length) }, detectQueued))
const missed = selected.filter(({ name }) => detections.get(name)?.problem !== undefined)
process.stdout.write(`${selected.length - missed.length} of ${selected.length} caught\n`)
if (missed.length > 0) process.exit(1)
if (names.length === 0) {
  await writeFile(join(ROOT, 'docs/reference/museum.md'), pageOf(detections))
  process.stdout.write('docs/reference/museum.md is written anew\n')
}

async function detectQueued(): Promise<void> {
  for (let exhibit = queue.shift(); exhibit !== undefined; exhibit = queue.shift()) {
    const result = await detectInProcess(exhibit)
    detections.set(exhibit.name, result)
    process.stdout.write(`${String(++reported).padStart(3)}/${selected.length}  ${lineOf(exhibit, result)}\n`)
  }
}

async function detectInProcess({ name }: KnownBug): Promise<Detection> {
  const began = performance.now()
  try {
    const file = join(ROOT, 'test/known-bugs/detect-process.ts')
    const { stdout } = await run(process.execPath, ['--import', 'tsx', file, name], {
      cwd: ROOT,
      timeout: DETECTION_TIMEOUT_MS,
    })
    return JSON.parse(stdout)
  } catch (error) {
    const trouble = `the hunt ended by itself: ${(error as Error).message.slice(0, 2000)}`
    return { name, detectedBy: undefined, runs: 0, ms: performance.now() - began, message: '', problem: trouble }
  }
}

function lineOf({ name, runsMax = RUNS_MAX }: KnownBug, { detectedBy, runs, ms, problem, message }: Detection): string {
  const head = `${name.padEnd(46)} ${String(detectedBy ?? '-').padEnd(4)} run ${String(runs).padStart(3)} of ${runsMax}  ${(ms / 1000).toFixed(1)} s`
  return problem === undefined ? head : `${head}\n         NOT CAUGHT: ${problem}\n         ${message.slice(0, 500)}`
}

function exitForUnknownNames(unknown: readonly string[]): never {
  const known = KNOWN_BUGS.map(({ name }) => `  ${name}\n`).join('')
  process.stderr.write(`there is no such exhibit: ${unknown.join(', ')}; there are\n${known}`)
  process.exit(2)
}
