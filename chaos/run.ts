/** One run: real nodes, clients, a nemesis; then peace, a last look at everything, and the verdict. */
import { cpSync, existsSync } from 'node:fs'
import { join } from 'node:path'
import { SeededRandom } from '../src/testing/simulation/seeded-random.ts'
import { checkHistory, checkQuickly, type Verdict } from './check-history.ts'
import { eventually } from './cluster/eventually.ts'
import type { ProcessCluster } from './cluster/process-cluster.ts'
import { TinyDisk } from './cluster/tiny-disk.ts'
import { awaitRecovery } from './nemesis/await-recovery.ts'
import type { FaultContext } from './nemesis/fault-context.ts'
import { RECOVERY_TIMEOUT_MS, UnexpectedOutcome } from './nemesis/fault-context.ts'
import { FAULTS, faultPlan, isPossible, Nemesis } from './nemesis/nemesis.ts'
import { Clients } from './workload/clients.ts'
import type { RotatingKey } from './workload/rotating-keys.ts'
import { injectStaleRead } from './workload/stale-read.ts'

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
  readonly injectsStaleRead?: boolean | undefined
  /** Called with each line of the schedule, as it is written. */
  readonly onLine: (line: string) => void
  /** Ends the run without a verdict. */
  readonly signal: AbortSignal
}

export interface ChaosOutcome {
  readonly verdict: Verdict
  /** What went wrong beside the history. */
  readonly unexpectedOutcome: string | undefined
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
const WRITE_GAP_MS_MAX = 15_000

/** The nodes have their places, and are not yet started. They are stopped afterwards; their directories stay until `cluster.close`. */
export async function runChaos(cluster: ProcessCluster, options: ChaosOptions): Promise<ChaosOutcome> {
  const disk = TinyDisk.mount(join(cluster.directory, 'tiny'))
  const tinyDiskNode = disk === undefined ? undefined : { id: lastOf(cluster.ids), disk }
  if (tinyDiskNode !== undefined) cluster.setDirectory(tinyDiskNode.id, join(tinyDiskNode.disk.path, tinyDiskNode.id))
  const ending = new AbortController()
  const signal = AbortSignal.any([options.signal, ending.signal])
  const aborted = new Promise<never>((_, reject) =>
    options.signal.addEventListener('abort', () => reject(options.signal.reason)),
  )
  try {
    return await Promise.race([runWithFaults({ cluster, tiny: tinyDiskNode, signal }, ending, options), aborted])
  } finally {
    ending.abort()
    await cluster.stop()
    if (tinyDiskNode !== undefined)
      copyIfExists(cluster.directoryOf(tinyDiskNode.id), join(cluster.directory, tinyDiskNode.id))
    disk?.unmount()
  }
}

/** What is on the tiny disk is gone with it. */
function copyIfExists(from: string, to: string): void {
  if (existsSync(from)) cpSync(from, to, { recursive: true })
}

async function runWithFaults(
  context: Pick<FaultContext, 'cluster' | 'tiny' | 'signal'>,
  ending: AbortController,
  options: ChaosOptions,
): Promise<ChaosOutcome> {
  const { cluster, tiny: tinyDiskNode } = context
  const { faultsMax = Number.POSITIVE_INFINITY } = options
  for (const id of cluster.ids) cluster.start(id)
  await cluster.leader(undefined, RECOVERY_TIMEOUT_MS)
  const { clients, violation } = startClients(cluster, options)
  const nemesis = new Nemesis(context, () => clients.now(), options.onLine)
  const possible = Object.keys(FAULTS).filter((kind) =>
    isPossible(kind, cluster.ids.length, tinyDiskNode !== undefined),
  )
  const plan = faultPlan(options.seed, options.kinds ?? possible)
  const faults = nemesis
    .run(plan, options.forMs, faultsMax)
    .then(() => awaitSuccessfulCalls(clients, options.callsMin ?? 0))
  const first = await Promise.race([resultOf(faults), violation, resultOf(clients.failure)])
  let unexpectedOutcome = first.unexpectedOutcome
  let digests: readonly string[] = []
  if (unexpectedOutcome === undefined && !first.isViolation) {
    await clients.stop()
    try {
      digests = await finalCheck(context, clients, options)
    } catch (error) {
      unexpectedOutcome = errorText(error)
    }
  } else {
    ending.abort()
    faults.catch(() => undefined)
    await clients.stop()
  }
  const histories = clients.keys.all.map(({ name, history }) => [name, history] as const)
  const { longestGap, keys } = clients
  if (longestGap.ms > WRITE_GAP_MS_MAX) unexpectedOutcome ??= `nothing was written for ${longestGap.ms} ms`
  const tookMs = clients.now()
  return {
    ...{
      verdict: checkHistory(histories),
      unexpectedOutcome: unexpectedOutcome,
      keys: keys.all,
      longestGap,
      nemesis,
      tookMs,
      digests,
    },
    hasTinyDisk: tinyDiskNode !== undefined,
  }
}

async function awaitSuccessfulCalls(clients: Clients, callsMin: number): Promise<void> {
  const attempt = async (): Promise<true | undefined> => (clients.succeeded >= callsMin ? true : undefined)
  await eventually(`${callsMin} calls`, attempt, RECOVERY_TIMEOUT_MS).catch(() => {
    throw new UnexpectedOutcome(
      `${clients.succeeded} of ${callsMin} calls have succeeded ${RECOVERY_TIMEOUT_MS} ms after the last fault`,
    )
  })
}

interface FirstResult {
  readonly unexpectedOutcome: string | undefined
  readonly isViolation: boolean
}

function startClients(cluster: ProcessCluster, { seed, clients: count }: ChaosOptions) {
  let found: (first: FirstResult) => void = () => undefined
  const violation = new Promise<FirstResult>((resolve) => {
    found = resolve
  })
  const clients = new Clients({
    seed,
    count,
    connect: () => cluster.client(CALL_TIMEOUT_MS),
    endpoints: () => cluster.endpoints,
    onKeyRetired: ({ history }) => {
      if (checkQuickly(history).verdict === 'violated') found({ unexpectedOutcome: undefined, isViolation: true })
    },
  })
  return { clients, violation }
}

async function resultOf(work: Promise<unknown>): Promise<FirstResult> {
  try {
    await work
    return { unexpectedOutcome: undefined, isViolation: false }
  } catch (error) {
    return { unexpectedOutcome: errorText(error), isViolation: false }
  }
}

function errorText(error: unknown): string {
  if (error instanceof UnexpectedOutcome) return error.message
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}

/** In peace: every node runs, all are equal, and every key is read once more. */
async function finalCheck(
  context: Pick<FaultContext, 'cluster' | 'tiny' | 'signal'>,
  clients: Clients,
  options: ChaosOptions,
): Promise<readonly string[]> {
  const { cluster } = context
  cluster.links.heal()
  await awaitRecovery({ ...context, random: new SeededRandom(options.seed), say: options.onLine })
  const reader = cluster.client(RECOVERY_TIMEOUT_MS)
  try {
    if (options.injectsStaleRead === true) await injectStaleRead(lastOf(clients.keys.all), reader)
    await clients.readAll(reader)
  } finally {
    await reader.raftClient.close()
  }
  const digests = await cluster.digests(RECOVERY_TIMEOUT_MS)
  if (new Set(digests).size > 1) throw new UnexpectedOutcome(`the nodes differ: ${digests.join(', ')}`)
  return digests
}

function lastOf<Value>(values: readonly Value[]): Value {
  return values[values.length - 1] as Value
}
