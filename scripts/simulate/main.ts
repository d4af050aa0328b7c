/** `make simulate RUNS=10000 SEED=… JOBS=…`: executes many generated runs in parallel processes and prints their totals. */
import { type ChildProcess, fork } from 'node:child_process'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { Presets, SingleBar } from 'cli-progress'
import type { Chunk, ChunkResult, SerializableTotals } from './chunk.ts'
import { chunksOf } from './chunk.ts'

const WORKER = join(import.meta.dirname, 'worker.ts')
const RUNS = 2000
/** Without a terminal, progress is printed after every such part of the runs. */
const PROGRESS_STEP = 0.05

const runs = integer('RUNS', RUNS)
const seed = integer('SEED', Math.floor(Date.now() / 1000) % 1_000_000)
const jobs = integer('JOBS', availableParallelism())

const startedAt = performance.now()
const chunks = chunksOf(seed, runs)
const pendingChunks = [...chunks]
const totals = {
  runs: 0,
  events: 0,
  steps: 0,
  calls: 0,
  commits: 0,
  scenarios: 0,
  eventCounts: new Map<string, number>(),
  faults: new Map<string, number>(),
}
const bar = process.stderr.isTTY
  ? new SingleBar(
      {
        format: '  {bar} {percentage}%  {value} of {total} runs  {duration_formatted}, about {eta_formatted} left',
        etaBuffer: 100,
      },
      Presets.shades_classic,
    )
  : undefined
let reportedAt = 0

process.stdout.write(`${runs} runs of seed ${seed} in ${jobs} processes\n`)
bar?.start(runs, 0)
const workers = Array.from({ length: Math.min(jobs, chunks.length) }, () =>
  fork(WORKER, { execArgv: ['--import', 'tsx'] }),
)
process.on('SIGINT', () => finish(130, `interrupted after ${totals.runs} runs, which all satisfied every property`))
await Promise.all(workers.map(runChunksOn))
finish(0, 'all runs satisfied every property')

/** Sends chunks to a worker, one at a time, until none is left. */
function runChunksOn(worker: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    const next = (): void => {
      const chunk = pendingChunks.shift()
      if (chunk === undefined) return resolve()
      worker.send(chunk)
    }
    worker.on('message', (result: ChunkResult) => {
      const chunk = chunks[result.chunk] as Chunk
      if (result.type === 'failed') return finish(1, `${result.report}\n(chunk ${chunk.number}, seed ${chunk.seed})`)
      addTotals(result.totals, result.scenarios)
      next()
    })
    worker.on('exit', (code, signal) => finish(1, `a worker process failed (${signal ?? code})`))
    next()
  })
}

function addTotals({ eventCounts, faults, ...counts }: SerializableTotals, scenarios: number): void {
  for (const name of ['runs', 'events', 'steps', 'calls', 'commits'] as const) totals[name] += counts[name]
  totals.scenarios += scenarios
  for (const [type, count] of Object.entries(eventCounts))
    totals.eventCounts.set(type, (totals.eventCounts.get(type) ?? 0) + count)
  for (const [type, count] of Object.entries(faults)) totals.faults.set(type, (totals.faults.get(type) ?? 0) + count)
  if (bar !== undefined) return bar.update(totals.runs)
  if (totals.runs < reportedAt + PROGRESS_STEP * runs) return
  reportedAt = totals.runs
  const seconds = (performance.now() - startedAt) / 1000
  const left = (seconds / totals.runs) * (runs - totals.runs)
  process.stderr.write(
    `  ${totals.runs} of ${runs} runs after ${seconds.toFixed(0)} s, about ${left.toFixed(0)} s left\n`,
  )
}

/** Kills the workers, prints the totals and the verdict, and exits. */
function finish(code: number, verdict: string): never {
  bar?.stop()
  for (const worker of workers) {
    worker.removeAllListeners('exit')
    worker.kill('SIGKILL')
  }
  const seconds = (performance.now() - startedAt) / 1000
  process.stdout.write(
    [
      `${totals.runs} runs, ${totals.events} events, ${totals.steps} core steps, ${totals.calls} calls, ${totals.commits} entries committed; ${totals.scenarios} scenarios of bare cores`,
      `${seconds.toFixed(1)} s: ${Math.round(totals.events / seconds)} events/s in ${jobs} processes`,
      ...(totals.runs === 0
        ? []
        : [`faults: ${formatCounts(totals.faults)}`, `events: ${formatCounts(totals.eventCounts)}`]),
      verdict,
      '',
    ].join('\n'),
  )
  process.exit(code)
}

function formatCounts(counts: ReadonlyMap<string, number>): string {
  const sorted = [...counts].sort(([one], [other]) => (one < other ? -1 : 1))
  return sorted.map(([type, count]) => `${type} ${count}`).join(', ')
}

function integer(name: string, defaultValue: number): number {
  const text = process.env[name]
  const value = text === undefined || text === '' ? defaultValue : Number(text)
  if (Number.isSafeInteger(value) && value > 0) return value
  process.stderr.write(`${name}=${text}: expected a whole number above 0\n`)
  process.exit(2)
}
