/** `make bench`: measures the built package beside its skeleton and its peers, and writes the reports. */
import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Command } from 'commander'
import { resolvePackage, withBuiltProcesses } from './built-processes.ts'
import { addFlags, type Flags, optionsOf } from './flags.ts'
import { busyCores, describeMachine } from './machine.ts'
import type { Measurement } from './measurement.ts'
import { PARTS, PARTS_WITH_EVERY_SYSTEM } from './measurements/catalogue.ts'
import { runPlan } from './plan.ts'
import { type BenchDocument, parseDocument, SCHEMA, type SystemEntry } from './report/document.ts'
import { htmlReport } from './report/html.ts'
import { performancePage } from './report/page.ts'
import { terminalReport } from './report/terminal.ts'
import { systemsOf } from './systems/catalogue.ts'
import type { System } from './systems/system.ts'

const ROOT = join(import.meta.dirname, '..')
const PAGE = join(ROOT, 'docs/reference/performance.md')

const flags = addFlags(new Command('bench')).parse().opts<Flags>()
const begin = performance.now()
const progress = (line: string): void => {
  process.stderr.write(`${((performance.now() - begin) / 1000).toFixed(0).padStart(5)} s  ${line}\n`)
}

const document = flags.from === undefined ? await measure() : parseDocument(readFileSync(flags.from, 'utf8'))
const json = `${JSON.stringify(document, undefined, 2)}\n`
mkdirSync(flags.out, { recursive: true })
writeFileSync(join(flags.out, 'report.json'), json)
writeFileSync(join(flags.out, 'report.html'), htmlReport(document))
if (flags.writeDocs === true) writeFileSync(PAGE, performancePage(document))
process.stdout.write(flags.json === true ? json : terminalReport(document))
progress(
  `written: ${join(flags.out, 'report.json')}, ${join(flags.out, 'report.html')}${flags.writeDocs ? `, ${PAGE}` : ''}`,
)

async function measure(): Promise<BenchDocument> {
  const startedAt = new Date().toISOString()
  const options = optionsOf(flags)
  const [machine, busyCoresBefore] = [await describeMachine(), await busyCores()]
  return await withBuiltProcesses(async (folder) => {
    const module = relative(ROOT, fileURLToPath(await resolvePackage(folder)))
    progress(`measures ${module}`)
    const { found, entries } = await findSystems(folder)
    const measurements: Measurement[] = []
    for (const part of flags.only) {
      const isEvery = PARTS_WITH_EVERY_SYSTEM.has(part) || flags.systems !== undefined
      const plan = PARTS[part]?.(options, isEvery ? found : withBestOfOurs(found))
      if (plan !== undefined) measurements.push(await runPlan(plan, progress))
    }
    const seconds = (performance.now() - begin) / 1000
    return {
      ...{
        schema: SCHEMA,
        startedAt,
        seconds,
        version: versionOfPackage(),
        module: 'dist/index.js',
        commit: commitOf(),
      },
      ...{ machine, busyCoresBefore, options, systems: entries, measurements },
    }
  })
}

async function findSystems(folder: string): Promise<{ found: System[]; entries: SystemEntry[] }> {
  const found: System[] = []
  const entries: SystemEntry[] = []
  for (const system of systemsOf(folder)) {
    const { name, kind, description } = system
    if (flags.systems?.some((word) => name.includes(word)) === false) continue
    if (kind === 'peer' && !flags.peers) continue
    progress(`${name}: ${description}`)
    const missing = await system.missing()
    if (missing === undefined) found.push(system)
    else progress(`${name}: not measured: ${missing}`)
    entries.push({ name, kind, description, missing })
  }
  if (found.length === 0) throw new Error('none of the systems can be measured')
  return { found, entries }
}

/** Of ours only the first. */
function withBestOfOurs(systems: readonly System[]): readonly System[] {
  const best = systems.find(({ kind }) => kind === 'quorate')
  return systems.filter((system) => system.kind !== 'quorate' || system === best)
}

function versionOfPackage(): string {
  return (JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { readonly version: string }).version
}

function commitOf(): string {
  try {
    return execFileSync('git', ['describe', '--always', '--dirty'], {
      cwd: ROOT,
      encoding: 'utf8',
      stdio: 'pipe',
    }).trim()
  } catch {
    return 'unknown'
  }
}
