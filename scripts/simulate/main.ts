/** `make simulate RUNS=10000 SEED=… JOBS=…`: many drawn runs, in as many processes as there are cores, with what they came to. */
import { type ChildProcess, fork } from 'node:child_process'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { Presets, SingleBar } from 'cli-progress'
import type { Chunk, PlainTotals, Verdict } from './chunk.ts'
import { chunksOf } from './chunk.ts'

const WORKER = join(import.meta.dirname, 'worker.ts')
const RUNS = 2000
/** Without a terminal a line is written when this much more is done. */
const TELL_EVERY = 0.05

const runs = integer('RUNS', RUNS)
const seed = integer('SEED', Math.floor(Date.now() / 1000) % 1_000_000)
const jobs = integer('JOBS', availableParallelism())

const began = performance.now()
const chunks = chunksOf(seed, runs)
const waiting = [...chunks]
const sum = {
  runs: 0,
  events: 0,
  steps: 0,
  calls: 0,
  commits: 0,
  scenarios: 0,
  told: new Map<string, number>(),
  faults: new Map<string, number>(),
}
const bar = process.stderr.isTTY
  ? new SingleBar(
      {
        format: '  {bar} {percentage}%  {value} of {total} runs  {duration_formatted}, about {eta_formatted} more',
        etaBuffer: 100,
      },
      Presets.shades_classic,
    )
  : undefined
let toldAt = 0

process.stdout.write(`${runs} runs of seed ${seed} in ${jobs} processes\n`)
bar?.start(runs, 0)
const workers = Array.from({ length: Math.min(jobs, chunks.length) }, () =>
  fork(WORKER, { execArgv: ['--import', 'tsx'] }),
)
process.on('SIGINT', () => end(130, `interrupted after ${sum.runs} runs, all of them kept every promise`))
await Promise.all(workers.map(employ))
end(0, 'every promise was kept')

/** Gives a worker chunk after chunk until none is left. */
function employ(worker: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    const next = (): void => {
      const chunk = waiting.shift()
      if (chunk === undefined) return resolve()
      worker.send(chunk)
    }
    worker.on('message', (verdict: Verdict) => {
      const chunk = chunks[verdict.chunk] as Chunk
      if (verdict.type === 'broken') return end(1, `${verdict.report}\n(chunk ${chunk.number}, seed ${chunk.seed})`)
      add(verdict.totals, verdict.scenarios)
      next()
    })
    worker.on('exit', (code, signal) => end(1, `a worker ended by itself (${signal ?? code})`))
    next()
  })
}

function add({ eventCounts, faults, ...totals }: PlainTotals, scenarios: number): void {
  for (const name of ['runs', 'events', 'steps', 'calls', 'commits'] as const) sum[name] += totals[name]
  sum.scenarios += scenarios
  for (const [type, count] of Object.entries(eventCounts)) sum.told.set(type, (sum.told.get(type) ?? 0) + count)
  for (const [type, count] of Object.entries(faults)) sum.faults.set(type, (sum.faults.get(type) ?? 0) + count)
  if (bar !== undefined) return bar.update(sum.runs)
  if (sum.runs < toldAt + TELL_EVERY * runs) return
  toldAt = sum.runs
  const seconds = (performance.now() - began) / 1000
  const more = (seconds / sum.runs) * (runs - sum.runs)
  process.stderr.write(`  ${sum.runs} of ${runs} runs after ${seconds.toFixed(0)} s, about ${more.toFixed(0)} s more\n`)
}

/** Says what it came to, ends the workers, and ends. */
function end(code: number, verdict: string): never {
  bar?.stop()
  for (const worker of workers) {
    worker.removeAllListeners('exit')
    worker.kill('SIGKILL')
  }
  const seconds = (performance.now() - began) / 1000
  process.stdout.write(
    [
      `${sum.runs} runs, ${sum.events} events, ${sum.steps} steps of cores, ${sum.calls} calls, ${sum.commits} entries committed; ${sum.scenarios} scenarios of bare cores`,
      `${seconds.toFixed(1)} s: ${Math.round(sum.events / seconds)} events/s in ${jobs} processes`,
      ...(sum.runs === 0 ? [] : [`faults: ${counted(sum.faults)}`, `seen: ${counted(sum.told)}`]),
      verdict,
      '',
    ].join('\n'),
  )
  process.exit(code)
}

function counted(counts: ReadonlyMap<string, number>): string {
  const sorted = [...counts].sort(([one], [other]) => (one < other ? -1 : 1))
  return sorted.map(([type, count]) => `${type} ${count}`).join(', ')
}

function integer(name: string, standard: number): number {
  const text = process.env[name]
  const value = text === undefined || text === '' ? standard : Number(text)
  if (Number.isSafeInteger(value) && value > 0) return value
  process.stderr.write(`${name}=${text}: a whole number above 0 is wanted\n`)
  process.exit(2)
}
