/** What is measured: a system that can start a cluster of processes on this machine. */
import type { LoadRequest, LoadResult } from '../processes/load.ts'
import type { Usage } from '../processes/parent.ts'

export interface System {
  readonly name: string
  /** Ours, the same I/O without Raft, or a system that others wrote. */
  readonly kind: 'quorate' | 'skeleton' | 'peer'
  /** What it is made of, in one line. */
  readonly description: string
  /** Resolves with the reason why it cannot be measured here; undefined if it can. */
  missing(): Promise<string | undefined>
  start(setup: Setup): Promise<Cluster>
}

export interface Setup {
  readonly directory: string
  readonly nodes: number
  /** 150 to 300 ms, or what the library does if it is asked nothing. */
  readonly timeouts: 'default' | 'short'
  readonly keepValues: boolean
  /** Log entries behind a snapshot; the default of the library if undefined. */
  readonly trailingEntries?: number
  /** Whether snapshots are taken only on request. */
  readonly withoutSnapshots?: boolean
  /** Further options of the nodes, for a system of this package. */
  readonly options?: Readonly<Record<string, unknown>>
}

export interface Cluster {
  /** Runs a load inside the leader's process. Undefined if a system has only a network server. */
  readonly load?: (request: LoadRequest) => Promise<LoadResult>
  /** Runs a load in a client's process, through the network. */
  readonly loadAsClient?: (request: LoadRequest) => Promise<LoadResult>
  /** Of each process that runs. */
  usages(): Promise<readonly Usage[]>
  /** Undefined for a skeleton, which has no elections. */
  readonly members?: Members
  readonly snapshots?: Snapshots
  stop(): Promise<void>
}

/** The members of a cluster by position: their state, and their failures. */
export interface Members {
  /** Waits until one of the running members leads. */
  leader(): Promise<number>
  state(member: number): Promise<MemberState>
  /** SIGKILL. */
  kill(member: number): Promise<void>
  restart(member: number): Promise<void>
  /** A write as a client does it: repeated until it is acknowledged. */
  write(): Promise<void>
}

export interface MemberState {
  readonly isLeader: boolean
  readonly applied: number
  readonly snapshotIndex: number
  /** Undefined if the program does not tell. */
  readonly term: number | undefined
}

export interface Snapshots {
  /** Fills the state machine and takes a snapshot of so many bytes; resolves with the seconds that the snapshot took. */
  take(bytes: number): Promise<number>
  /** Starts an empty member; resolves with the seconds from its start until it has the snapshot. */
  install(): Promise<number>
}

export const SHORT_TIMEOUT_MS = 150
const POLL_MS = 5
const DEADLINE_MS = 120_000

export async function until(condition: () => Promise<boolean>, what: string): Promise<void> {
  const deadline = performance.now() + DEADLINE_MS
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`${what}: not within ${DEADLINE_MS / 1000} s`)
    await pause(POLL_MS)
  }
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
