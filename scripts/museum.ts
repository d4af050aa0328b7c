/** `make museum`: hunts every bug of the museum, each in a process of its own, and writes the page that tells what caught it. */
import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { parseArgs, promisify } from 'node:util'
import type { Exhibit } from '../test/museum/exhibit.ts'
import { SEEDS_MAX } from '../test/museum/exhibit.ts'
import type { Catch } from '../test/museum/hunt.ts'
import { EXHIBITS } from '../test/museum/museum.ts'
import { pageOf } from '../test/museum/page.ts'
import { tell } from '../test/museum/story.ts'

const ROOT = join(import.meta.dirname, '..')
/** A hunt that takes longer has found a node that runs in circles. */
const HUNT_MS = 300_000

const run = promisify(execFile)
const { values, positionals: names } = parseArgs({ options: { story: { type: 'string' } }, allowPositionals: true })
if (values.story !== undefined) {
  const told = EXHIBITS.find(({ name }) => name === values.story)
  if (told === undefined) refuse([values.story])
  await tell(told, (line) => process.stdout.write(`${line}\n`))
  process.exit()
}
const wanted = names.length === 0 ? EXHIBITS : EXHIBITS.filter(({ name }) => names.includes(name))
if (wanted.length === 0) refuse(names)

const caught = new Map<string, Catch>()
const queue = [...wanted]
let told = 0
await Promise.all(Array.from({ length: Math.min(availableParallelism(), queue.length) }, work))
const missed = wanted.filter(({ name }) => caught.get(name)?.trouble !== undefined)
process.stdout.write(`${wanted.length - missed.length} of ${wanted.length} caught\n`)
if (missed.length > 0) process.exit(1)
if (names.length === 0) {
  await writeFile(join(ROOT, 'docs/reference/museum.md'), pageOf(caught))
  process.stdout.write('docs/reference/museum.md is written anew\n')
}

async function work(): Promise<void> {
  for (let exhibit = queue.shift(); exhibit !== undefined; exhibit = queue.shift()) {
    const result = await hunted(exhibit)
    caught.set(exhibit.name, result)
    process.stdout.write(`${String(++told).padStart(3)}/${wanted.length}  ${lineOf(exhibit, result)}\n`)
  }
}

async function hunted({ name }: Exhibit): Promise<Catch> {
  const began = performance.now()
  try {
    const file = join(ROOT, 'test/museum/hunter.ts')
    const { stdout } = await run(process.execPath, ['--import', 'tsx', file, name], { cwd: ROOT, timeout: HUNT_MS })
    return JSON.parse(stdout)
  } catch (error) {
    const trouble = `the hunt ended by itself: ${(error as Error).message.slice(0, 2000)}`
    return { name, caughtBy: undefined, seeds: 0, ms: performance.now() - began, message: '', trouble }
  }
}

function lineOf({ name, seedsMax = SEEDS_MAX }: Exhibit, { caughtBy, seeds, ms, trouble, message }: Catch): string {
  const head = `${name.padEnd(46)} ${String(caughtBy ?? '-').padEnd(4)} run ${String(seeds).padStart(3)} of ${seedsMax}  ${(ms / 1000).toFixed(1)} s`
  return trouble === undefined ? head : `${head}\n         NOT CAUGHT: ${trouble}\n         ${message.slice(0, 500)}`
}

function refuse(unknown: readonly string[]): never {
  const known = EXHIBITS.map(({ name }) => `  ${name}\n`).join('')
  process.stderr.write(`there is no such exhibit: ${unknown.join(', ')}; there are\n${known}`)
  process.exit(2)
}
