/** One chaos run: nodes, clients and a nemesis; then all faults end, every key is read once more, and the history is checked. */
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
  /** The faults end after this many, even if there is time left. */
  readonly faultsMax?: number | undefined
  readonly clients: number
  /** The clients continue until this many calls have succeeded, even if the faults end earlier. */
  readonly callsMin?: number | undefined
  /** The kinds of faults; by default all that are possible. */
  readonly kinds?: readonly string[] | undefined
  /** Adds a stale read to the history, to check that it is detected. */
  readonly injectsStaleRead?: boolean | undefined
  /** Called with every line of the schedule. */
  readonly onLine: (line: string) => void
  /** Aborts the run without a verdict. */
  readonly signal: AbortSignal
}

export interface ChaosOutcome {
  readonly verdict: Verdict
  /** What the cluster did wrong, apart from the history; undefined if nothing. */
  readonly unexpectedOutcome: string | undefined
  readonly keys: readonly RotatingKey[]
  readonly longestGap: Clients['longestGap']
  readonly nemesis: Nemesis
  readonly tookMs: number
  /** The digest of each node's state at the end. */
  readonly digests: readonly string[]
  readonly hasTinyDisk: boolean
}

/** The timeout of all calls: longer than an election, and short enough that some calls have an unknown outcome. */
const CALL_TIMEOUT_MS = 2000

/** The longest permitted time without an acknowledged write. Every fault leaves shorter gaps if the nodes behave correctly. */
const WRITE_GAP_MS_MAX = 15_000

/** Starts the nodes of `cluster`, which must have been added, and stops them at the end. Their directories stay until `cluster.close`. */
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
    return await Promise.race([runWithFaults({ cluster, tinyDiskNode, signal }, ending, options), aborted])
  } finally {
    ending.abort()
    await cluster.stop()
    if (tinyDiskNode !== undefined)
      copyIfExists(cluster.directoryOf(tinyDiskNode.id), join(cluster.directory, tinyDiskNode.id))
    disk?.unmount()
  }
}

/** Keeps the data of the node with the small disk, which is lost when the disk is unmounted. */
function copyIfExists(from: string, to: string): void {
  if (existsSync(from)) cpSync(from, to, { recursive: true })
}

async function runWithFaults(
  context: Pick<FaultContext, 'cluster' | 'tinyDiskNode' | 'signal'>,
  ending: AbortController,
  options: ChaosOptions,
): Promise<ChaosOutcome> {
  const { cluster, tinyDiskNode } = context
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
  if (longestGap.ms > WRITE_GAP_MS_MAX) unexpectedOutcome ??= `no write was acknowledged for ${longestGap.ms} ms`
  const tookMs = clients.now()
  return {
    ...{ verdict: checkHistory(histories), unexpectedOutcome, keys: keys.all, longestGap, nemesis, tookMs, digests },
    hasTinyDisk: tinyDiskNode !== undefined,
  }
}

async function awaitSuccessfulCalls(clients: Clients, callsMin: number): Promise<void> {
  const attempt = async (): Promise<true | undefined> => (clients.succeeded >= callsMin ? true : undefined)
  await eventually(`${callsMin} successful calls`, attempt, RECOVERY_TIMEOUT_MS).catch(() => {
    throw new UnexpectedOutcome(
      `only ${clients.succeeded} of ${callsMin} calls succeeded until ${RECOVERY_TIMEOUT_MS} ms after the last fault`,
    )
  })
}

interface FirstResult {
  readonly unexpectedOutcome: string | undefined
  readonly isViolation: boolean
}

function startClients(cluster: ProcessCluster, { seed, clients: count }: ChaosOptions) {
  let resolveViolation: (first: FirstResult) => void = () => undefined
  const violation = new Promise<FirstResult>((resolve) => {
    resolveViolation = resolve
  })
  const clients = new Clients({
    seed,
    count,
    connect: () => cluster.client(CALL_TIMEOUT_MS),
    endpoints: () => cluster.endpoints,
    onKeyRetired: ({ history }) => {
      if (checkQuickly(history).verdict === 'violated')
        resolveViolation({ unexpectedOutcome: undefined, isViolation: true })
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

/** Checks, without faults, that all nodes run and are equal, and reads every key once more. Resolves with the nodes' digests. */
async function finalCheck(
  context: Pick<FaultContext, 'cluster' | 'tinyDiskNode' | 'signal'>,
  clients: Clients,
  options: ChaosOptions,
): Promise<readonly string[]> {
  const { cluster } = context
  cluster.links.heal()
  await awaitRecovery({ ...context, random: new SeededRandom(options.seed), log: options.onLine })
  const reader = cluster.client(RECOVERY_TIMEOUT_MS)
  try {
    if (options.injectsStaleRead === true) await injectStaleRead(lastOf(clients.keys.all), reader)
    await clients.readAll(reader)
  } finally {
    await reader.raftClient.close()
  }
  const digests = await cluster.digests(RECOVERY_TIMEOUT_MS)
  if (new Set(digests).size > 1) throw new UnexpectedOutcome(`the states of the nodes differ: ${digests.join(', ')}`)
  return digests
}

function lastOf<Value>(values: readonly Value[]): Value {
  return values[values.length - 1] as Value
}
