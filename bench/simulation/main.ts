/** `make bench-simulation`: measures the speed of the simulator with bare cores, with whole nodes under faults, and with idle nodes. */
import { loadavg } from 'node:os'
import Table from 'cli-table3'
import fc from 'fast-check'
import { RAFT_DEFAULTS } from '../../src/core/index.ts'
import { runPlans, simulate } from '../../src/testing/index.ts'
import { median, thousands } from '../figures.ts'
import { BareCores } from './bare-cores.ts'

const ROUNDS = 5
const CORE_EVENTS = 100_000
const RUNS = 60
const IDLE_MS = 300_000

/** The work of one round, and the CPU time and wall-clock time it took. */
interface Round {
  readonly done: number
  readonly cpuSeconds: number
  readonly wallSeconds: number
}

async function timed(work: () => Promise<number> | number): Promise<Round> {
  const [cpuBefore, before] = [process.cpuUsage(), performance.now()]
  const done = await work()
  const { user, system } = process.cpuUsage(cpuBefore)
  return { done, cpuSeconds: (user + system) / 1e6, wallSeconds: (performance.now() - before) / 1000 }
}

function bareCores(): number {
  const cores = new BareCores(['a', 'b', 'c'])
  return cores.run(CORE_EVENTS)
}

async function wholeNodes(): Promise<number> {
  let events = 0
  for (const plan of fc.sample(runPlans({ untilMs: 4000 }), { numRuns: RUNS, seed: 1 })) {
    const history = await simulate(plan)
    if (history.failure !== undefined) throw history.failure
    events += history.events
  }
  return events
}

/** Resolves with the number of simulated seconds. */
async function idle(settings: Partial<typeof RAFT_DEFAULTS>): Promise<number> {
  const { failure } = await simulate({
    ...{ seed: 1, cluster: { voters: 3, spares: 0 }, workload: [], faults: [], settings },
    healAtMs: IDLE_MS,
  })
  if (failure !== undefined) throw failure
  return IDLE_MS / 1000
}

const { electionTimeoutMinMs, electionTimeoutMaxMs, heartbeatIntervalMs, pauseToleranceMs } = RAFT_DEFAULTS
const DEFAULT_TIMES = { electionTimeoutMinMs, electionTimeoutMaxMs, heartbeatIntervalMs, pauseToleranceMs }

const MEASURED: readonly (readonly [string, string, () => Promise<number> | number])[] = [
  ['bare cores: inputs, with all invariants and safety properties checked', '50k', bareCores],
  ['whole nodes under generated faults: events, with all properties checked', '33k', wholeNodes],
  ['three idle nodes with default timeouts: simulated seconds', '1.0k', () => idle(DEFAULT_TIMES)],
  ['three idle nodes with simulation timeouts: simulated seconds', '-', () => idle({})],
]

const table = new Table({
  head: ['what', 'target per s', 'per CPU second', 'per second', 'noise'],
  style: { head: [], border: [] },
})
for (const [what, target, work] of MEASURED) {
  await work()
  const rounds: Round[] = []
  for (let round = 0; round < ROUNDS; round++) rounds.push(await timed(work))
  const rates = rounds.map(({ done, cpuSeconds }) => done / cpuSeconds)
  const noise = Math.max(...rates) / Math.min(...rates)
  const perSecond = median(rounds.map(({ done, wallSeconds }) => done / wallSeconds))
  table.push([what, target, thousands(median(rates)), thousands(perSecond), `${noise.toFixed(2)}×`])
}
process.stdout.write(
  `${table.toString()}\nmedians of ${ROUNDS} rounds; Node ${process.version}; load ${loadavg()[0]?.toFixed(1)}\n`,
)
