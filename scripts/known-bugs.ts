/** `make known-bugs`: detects every known bug, each in a process of its own, and writes the page with the results. */
import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { parseArgs, promisify } from 'node:util'
import { KNOWN_BUGS } from '../test/known-bugs/catalog.ts'
import type { Detection } from '../test/known-bugs/detect.ts'
import type { KnownBug } from '../test/known-bugs/known-bug.ts'
import { RUNS_MAX } from '../test/known-bugs/known-bug.ts'
import { detectMissingSync, MISSING_SYNCS } from '../test/known-bugs/missing-syncs.ts'
import { pageOf } from '../test/known-bugs/page.ts'
import { walkThrough } from '../test/known-bugs/walkthrough.ts'

const ROOT = join(import.meta.dirname, '..')
/** A bug that needs longer makes a node loop without end. */
const DETECTION_TIMEOUT_MS = 300_000

const run = promisify(execFile)
const { values, positionals: names } = parseArgs({
  options: {
    /** Shows one bug from end to end instead. */
    walkthrough: { type: 'string' },
    /** The former name of --walkthrough. */
    story: { type: 'string' },
  },
  allowPositionals: true,
})
const shownName = values.walkthrough ?? values.story
if (shownName !== undefined) {
  const shown = KNOWN_BUGS.find(({ name }) => name === shownName)
  if (shown === undefined) exitForUnknownNames([shownName])
  await walkThrough(shown, (line) => process.stdout.write(`${line}\n`))
  process.exit()
}
const unknown = names.filter((wanted) => KNOWN_BUGS.every(({ name }) => name !== wanted))
if (unknown.length > 0) exitForUnknownNames(unknown)
const selected = names.length === 0 ? KNOWN_BUGS : KNOWN_BUGS.filter(({ name }) => names.includes(name))

const detections = new Map<string, Detection>()
const queue = [...selected]
await Promise.all(Array.from({ length: Math.min(availableParallelism(), queue.length) }, detectQueued))
const missed = selected.filter(({ name }) => detections.get(name)?.problem !== undefined)
process.stdout.write(`${selected.length - missed.length} of ${selected.length} detected\n`)
if (missed.length > 0) process.exit(1)
if (names.length === 0) {
  const checks = await detectMissingSyncs()
  await writeFile(join(ROOT, 'docs/reference/museum.md'), pageOf(detections, checks))
  process.stdout.write('docs/reference/museum.md is written\n')
}

/** The check that detects each missing sync; ends the process if there is none. */
async function detectMissingSyncs(): Promise<Map<string, string>> {
  const checks = new Map<string, string>()
  for (const sync of MISSING_SYNCS) {
    const title = await detectMissingSync(sync)
    process.stdout.write(`${sync.name.padEnd(46)} ${title ?? 'NOT DETECTED'}\n`)
    if (title === undefined) process.exit(1)
    checks.set(sync.name, title)
  }
  return checks
}

async function detectQueued(): Promise<void> {
  for (let bug = queue.shift(); bug !== undefined; bug = queue.shift()) {
    const detection = await detectInProcess(bug)
    detections.set(bug.name, detection)
    const count = `${String(detections.size).padStart(3)}/${selected.length}`
    process.stdout.write(`${count}  ${lineOf(bug, detection)}\n`)
  }
}

async function detectInProcess({ name }: KnownBug): Promise<Detection> {
  const startedAt = performance.now()
  try {
    const file = join(ROOT, 'test/known-bugs/detect-process.ts')
    const { stdout } = await run(process.execPath, ['--import', 'tsx', file, name], {
      cwd: ROOT,
      timeout: DETECTION_TIMEOUT_MS,
    })
    return JSON.parse(stdout)
  } catch (error) {
    const problem = `the process failed: ${(error as Error).message.slice(0, 2000)}`
    return { name, detectedBy: undefined, runs: 0, ms: performance.now() - startedAt, message: '', problem }
  }
}

function lineOf({ name, runsMax = RUNS_MAX }: KnownBug, { detectedBy, runs, ms, problem, message }: Detection): string {
  const head = `${name.padEnd(46)} ${String(detectedBy ?? '-').padEnd(4)} run ${String(runs).padStart(3)} of ${runsMax}  ${(ms / 1000).toFixed(1)} s`
  return problem === undefined ? head : `${head}\n         NOT DETECTED: ${problem}\n         ${message.slice(0, 500)}`
}

function exitForUnknownNames(names: readonly string[]): never {
  const known = KNOWN_BUGS.map(({ name }) => `  ${name}\n`).join('')
  process.stderr.write(`there is no known bug named ${names.join(' or ')}; the names are:\n${known}`)
  process.exit(2)
}
