/** Whether a node is alive, and whether it is ready to serve: one answer for HTTP, gRPC and code of your own. */
import type { NodeStatus } from '../contracts/node-service.ts'
import type { NodeEvent, ObservedNode, Observer } from '../contracts/observer.ts'
import type { NodeId } from '../core/types.ts'
import type { OptionCheck } from '../platform/options.ts'
import { checkFunction, checkInteger, findOptionProblems, throwOnProblems } from '../platform/options.ts'

export interface Check {
  readonly name: string
  readonly isOk: boolean
  /** Why it is not, or what was found. */
  readonly detail: string
}

export interface NodeChecksOptions {
  /** A node that has more committed entries to apply is not caught up. Default: 10,000. */
  readonly lagEntriesMax?: number | undefined
  /** A node whose durable write has taken longer, in milliseconds, is not alive: its disk hangs. Default: 60,000. */
  readonly pendingWriteMsMax?: number | undefined
  /** Monotonic milliseconds. Default: performance.now. */
  readonly now?: (() => number) | undefined
}

const CHECKS: Readonly<Record<keyof NodeChecksOptions, OptionCheck>> = {
  lagEntriesMax: checkInteger(0),
  pendingWriteMsMax: checkInteger(1),
  now: checkFunction,
}

/** Alarms about this node's own disk. */
const DISK_ALARMS: ReadonlySet<string> = new Set(['SPACE_LOW', 'SNAPSHOT_NO_SPACE', 'DISK_SLOW', 'SCRUB_FAILED'])

/** A node may be without a leader for so many election timeouts: an election takes about one. */
const LEADERLESS_TIMEOUTS = 2

/** Observes one node; pass it to the node as an observer. Before the node starts, it is alive and not ready. */
export class NodeChecks implements Observer {
  readonly #lagEntriesMax: number
  readonly #pendingWriteMsMax: number
  readonly #now: () => number
  #node: ObservedNode | undefined
  #address: string | undefined
  #commitIndexBefore = 0
  #leaderAt: number | undefined
  #isClosing = false

  /** Throws ERR_RAFT_OPTIONS, which names every invalid option. */
  constructor(options: NodeChecksOptions = {}) {
    throwOnProblems(findOptionProblems(options, CHECKS))
    const { lagEntriesMax = 10_000, pendingWriteMsMax = 60_000, now = () => performance.now() } = options
    this.#lagEntriesMax = lagEntriesMax
    this.#pendingWriteMsMax = pendingWriteMsMax
    this.#now = now
  }

  attach(node: ObservedNode): undefined {
    this.#node = node
  }

  event(_: NodeId, event: NodeEvent): void {
    if (event.type === 'started') this.#address = event.address
    else if (event.type === 'recovered') this.#commitIndexBefore = event.commitIndex
    else if (event.type === 'closing' || event.type === 'stopped') this.#isClosing = true
    // Until now there was one.
    else if (event.type === 'leaderChanged' && event.leader === undefined) this.#leaderAt = this.#now()
  }

  /** A restart may help if one of these fails. They do not depend on other nodes: if those are gone, a restart makes it worse. */
  live(): readonly Check[] {
    const status = this.#node?.status()
    return [this.#running(status), this.#writing(status)]
  }

  /** Whether clients should be sent here. */
  ready(): readonly Check[] {
    const status = this.#node?.status()
    const listening = check('listening', this.#address !== undefined, this.#address ?? 'the node is starting')
    if (status === undefined || this.#address === undefined) return [listening]
    return [
      listening,
      this.#running(status),
      this.#writing(status),
      check('open', !this.#isClosing, this.#isClosing ? 'the node is closing' : 'it takes calls'),
      this.#recovered(status),
      this.#leader(status),
      this.#caughtUp(status),
      disk(status),
    ]
  }

  /** The services of grpc.health.v1: the whole node (''), what it offers, and its roles. A leader has a quorum: without one it steps down. */
  serving(): Readonly<Record<string, boolean>> {
    const { role, membership, id = '' } = this.#node?.status() ?? {}
    const isLive = this.live().every(({ isOk }) => isOk)
    const isReady = this.ready().every(({ isOk }) => isOk)
    const isLearner = membership?.learners.includes(id) === true
    const isMember = isLive && !this.#isClosing
    return {
      '': isReady,
      'quorate.v1.Client': isReady,
      'quorate.v1.Admin': isLive,
      'raft.Live': isLive,
      'raft.Leader': isMember && role === 'leader',
      'raft.Follower': isMember && role === 'follower' && !isLearner,
      'raft.Learner': isMember && isLearner,
    }
  }

  #running(status: NodeStatus | undefined): Check {
    const { stopped } = status ?? {}
    return check('running', stopped === undefined, stopped ?? 'it has not failed')
  }

  /** A disk that fails ends the node; one that hangs reports nothing. */
  #writing(status: NodeStatus | undefined): Check {
    const pendingMs = status?.timing?.pendingWriteMs
    const forMs = Math.round(pendingMs ?? 0)
    const found =
      pendingMs === undefined ? 'no durable write is in progress' : `a durable write has taken ${forMs} ms so far`
    return check(
      'writing',
      forMs <= this.#pendingWriteMsMax,
      `${found}, at most ${this.#pendingWriteMsMax} ms are normal`,
    )
  }

  #recovered({ appliedIndex }: NodeStatus): Check {
    const found = `applied ${appliedIndex}, before the restart ${this.#commitIndexBefore} was committed`
    return check('recovered', appliedIndex >= this.#commitIndexBefore, found)
  }

  #leader({ leader, timing }: NodeStatus): Check {
    if (leader !== undefined) return check('leader', true, leader)
    if (this.#leaderAt === undefined) return check('leader', false, 'it has known no leader since it started')
    const forMs = this.#now() - this.#leaderAt
    const limitMs = LEADERLESS_TIMEOUTS * (timing?.electionTimeoutMaxMs ?? 0)
    return check('leader', forMs <= limitMs, `no leader for ${Math.round(forMs)} ms, at most ${limitMs} ms are normal`)
  }

  #caughtUp({ fetching, appliedIndex, snapshotIndex, commitIndex }: NodeStatus): Check {
    const failed = (detail: string): Check => check('caught-up', false, detail)
    if (fetching !== undefined)
      return failed(`it fetches a snapshot from ${fetching.from}: ${fetching.bytes} of ${fetching.size} bytes`)
    if (appliedIndex < snapshotIndex) return failed(`it restores the snapshot at ${snapshotIndex}`)
    const lag = commitIndex - appliedIndex
    return check('caught-up', lag <= this.#lagEntriesMax, `${lag} committed entries to apply`)
  }
}

function disk({ alarms }: NodeStatus): Check {
  const own = alarms.filter(({ code, peer }) => peer === undefined && DISK_ALARMS.has(code))
  return check('disk', own.length === 0, own.map(({ code, message }) => `${code}: ${message}`).join('; ') || 'no alarm')
}

function check(name: string, isOk: boolean, detail: string): Check {
  return { name, isOk, detail }
}
