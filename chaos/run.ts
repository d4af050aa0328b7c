/** One run: real nodes, clients, a nemesis; then peace, a last look at everything, and the verdict. */
import { cpSync, existsSync } from 'node:fs'
import { join } from 'node:path'
import { SeededRandom } from '../src/testing/simulation/seeded-random.ts'
import type { ProcessCluster } from './cluster/process-cluster.ts'
import { TinyDisk } from './cluster/tiny-disk.ts'
import { eventually } from './cluster/waiting.ts'
import { judge, judgeQuickly, type Verdict } from './judge.ts'
import { FAULTS, isPossible, Nemesis, planOf } from './nemesis/nemesis.ts'
import type { Stage } from './nemesis/stage.ts'
import { Finding, PATIENCE_MS } from './nemesis/stage.ts'
import { whole } from './nemesis/whole.ts'
import { Clients } from './workload/clients.ts'
import { lie } from './workload/lies.ts'
import type { RotatingKey } from './workload/rotating-keys.ts'

export interface ChaosOptions {
  readonly seed: number
  readonly forMs: number
  /** The faults end earlier after so many. */
  readonly faultsMax?: number | undefined
  readonly clients: number
  /** The clients go on until so many of their calls have succeeded, however early the faults end. */
  readonly callsMin?: number | undefined
  /** Kinds of faults to draw from; all that are possible unless given. */
  readonly kinds?: readonly string[] | undefined
  /** Add a stale read to the history, to see that it is noticed. */
  readonly isLying?: boolean | undefined
  /** Called with each line of the schedule, as it is written. */
  readonly heard: (line: string) => void
  /** Ends the run without a verdict. */
  readonly signal: AbortSignal
}

export interface ChaosOutcome {
  readonly verdict: Verdict
  /** What went wrong beside the history. */
  readonly finding: string | undefined
  readonly keys: readonly RotatingKey[]
  readonly longestGap: Clients['longestGap']
  readonly nemesis: Nemesis
  readonly tookMs: number
  /** Of each node, at the end. */
  readonly digests: readonly string[]
  readonly hasTinyDisk: boolean
}

/** One patience for all: longer than an election, short enough to see many outcomes. */
const CALL_TIMEOUT_MS = 2000

/** No fault lasts so long that nobody could be served in between, if those who are left do what they should. */
const SILENCE_MS_MAX = 15_000

/** The nodes have their places, and are not yet started. They are stopped afterwards; their directories stay until `cluster.close`. */
export async function runChaos(cluster: ProcessCluster, options: ChaosOptions): Promise<ChaosOutcome> {
  const disk = TinyDisk.mount(join(cluster.directory, 'tiny'))
  const tiny = disk === undefined ? undefined : { id: lastOf(cluster.ids), disk }
  if (tiny !== undefined) cluster.setDirectory(tiny.id, join(tiny.disk.path, tiny.id))
  const ending = new AbortController()
  const signal = AbortSignal.any([options.signal, ending.signal])
  const aborted = new Promise<never>((_, reject) =>
    options.signal.addEventListener('abort', () => reject(options.signal.reason)),
  )
  try {
    return await Promise.race([disturbed({ cluster, tiny, signal }, ending, options), aborted])
  } finally {
    ending.abort()
    await cluster.stop()
    if (tiny !== undefined) keep(cluster.directoryOf(tiny.id), join(cluster.directory, tiny.id))
    disk?.unmount()
  }
}

/** What is on the tiny disk is gone with it. */
function keep(from: string, to: string): void {
  if (existsSync(from)) cpSync(from, to, { recursive: true })
}

async function disturbed(
  place: Pick<Stage, 'cluster' | 'tiny' | 'signal'>,
  ending: AbortController,
  options: ChaosOptions,
): Promise<ChaosOutcome> {
  const { cluster, tiny } = place
  const { faultsMax = Number.POSITIVE_INFINITY } = options
  for (const id of cluster.ids) cluster.start(id)
  await cluster.leader(undefined, PATIENCE_MS)
  const { clients, violation } = clientsOf(cluster, options)
  const nemesis = new Nemesis(place, () => clients.now(), options.heard)
  const possible = Object.keys(FAULTS).filter((kind) => isPossible(kind, cluster.ids.length, tiny !== undefined))
  const plan = planOf(options.seed, options.kinds ?? possible)
  const disturbing = nemesis.run(plan, options.forMs, faultsMax).then(() => enough(clients, options.callsMin ?? 0))
  const first = await Promise.race([settled(disturbing), violation, settled(clients.failure)])
  let finding = first.finding
  let digests: readonly string[] = []
  if (finding === undefined && !first.isViolation) {
    await clients.stop()
    try {
      digests = await lastLook(place, clients, options)
    } catch (error) {
      finding = wordsOf(error)
    }
  } else {
    ending.abort()
    disturbing.catch(() => undefined)
    await clients.stop()
  }
  const stories = clients.keys.all.map(({ name, history }) => [name, history] as const)
  const { longestGap, keys } = clients
  if (longestGap.ms > SILENCE_MS_MAX) finding ??= `nothing was written for ${longestGap.ms} ms`
  const tookMs = clients.now()
  return {
    ...{ verdict: judge(stories), finding, keys: keys.all, longestGap, nemesis, tookMs, digests },
    hasTinyDisk: tiny !== undefined,
  }
}

async function enough(clients: Clients, callsMin: number): Promise<void> {
  const attempt = async (): Promise<true | undefined> => (clients.succeeded >= callsMin ? true : undefined)
  await eventually(`${callsMin} calls`, attempt, PATIENCE_MS).catch(() => {
    throw new Finding(`${clients.succeeded} of ${callsMin} calls have succeeded ${PATIENCE_MS} ms after the last fault`)
  })
}

interface First {
  readonly finding: string | undefined
  readonly isViolation: boolean
}

function clientsOf(cluster: ProcessCluster, { seed, clients: count }: ChaosOptions) {
  let found: (first: First) => void = () => undefined
  const violation = new Promise<First>((resolve) => {
    found = resolve
  })
  const clients = new Clients({
    seed,
    count,
    connect: () => cluster.client(CALL_TIMEOUT_MS),
    endpoints: () => cluster.endpoints,
    retired: ({ history }) => {
      if (judgeQuickly(history).verdict === 'violated') found({ finding: undefined, isViolation: true })
    },
  })
  return { clients, violation }
}

async function settled(work: Promise<unknown>): Promise<First> {
  try {
    await work
    return { finding: undefined, isViolation: false }
  } catch (error) {
    return { finding: wordsOf(error), isViolation: false }
  }
}

function wordsOf(error: unknown): string {
  if (error instanceof Finding) return error.message
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}

/** In peace: every node runs, all are equal, and every key is read once more. */
async function lastLook(
  place: Pick<Stage, 'cluster' | 'tiny' | 'signal'>,
  clients: Clients,
  options: ChaosOptions,
): Promise<readonly string[]> {
  const { cluster } = place
  cluster.links.heal()
  await whole({ ...place, random: new SeededRandom(options.seed), say: options.heard })
  const reader = cluster.client(PATIENCE_MS)
  try {
    if (options.isLying === true) await lie(lastOf(clients.keys.all), reader)
    await clients.readAll(reader)
  } finally {
    await reader.client.close()
  }
  const digests = await cluster.digests(PATIENCE_MS)
  if (new Set(digests).size > 1) throw new Finding(`the nodes differ: ${digests.join(', ')}`)
  return digests
}

function lastOf<Value>(values: readonly Value[]): Value {
  return values[values.length - 1] as Value
}
