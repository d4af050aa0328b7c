/** What one node measured and reported, as counts: the durations of its meter, and its events. */
import type { Meter, ProposalStage } from '../contracts/meter.ts'
import type { ReadMode } from '../contracts/node-service.ts'
import type { NodeEvent } from '../contracts/observer.ts'
import type { NodeId } from '../core/types.ts'
import { ERROR_CODES, type ErrorCode } from '../errors.ts'
import { METRICS, type MetricDefinition } from './definitions.ts'
import type { Sample } from './status-samples.ts'

/** The durations of a histogram with one set of labels. */
export interface DurationCounts {
  /** How many were added. */
  readonly count: number
  add(ms: number, count?: number): void
}

/** Makes those of a histogram for one set of labels. */
export type NewDurations = (metric: MetricDefinition, labels: Readonly<Record<string, string>>) => DurationCounts

/** Peers choose the ids and codes that they connect with: of further ones, the oldest is forgotten. */
const REMEMBERED_MAX = 256

/** Leaves place for one more. */
function forgetOldest(remembered: Set<string> | Map<string, unknown>): void {
  for (const oldest of remembered.keys()) {
    if (remembered.size < REMEMBERED_MAX) return
    remembered.delete(oldest)
  }
}

/** A counter by its labels, in the order of its definition. */
class Counts {
  readonly #metric: MetricDefinition
  readonly #counts = new Map<string, { readonly labels: Readonly<Record<string, string>>; count: number }>()

  constructor(metric: MetricDefinition, ...known: readonly (readonly string[])[]) {
    this.#metric = metric
    for (const values of known) this.add(0, ...values)
  }

  add(count: number, ...values: readonly string[]): void {
    const key = values.length === 1 ? (values[0] as string) : values.join(' ')
    const found = this.#counts.get(key)
    if (found !== undefined) found.count += count
    else {
      forgetOldest(this.#counts)
      const labels = Object.fromEntries(this.#metric.labels.map((label, at) => [label, values[at] ?? '']))
      this.#counts.set(key, { labels, count })
    }
  }

  get samples(): Sample[] {
    return [...this.#counts.values()].map(({ labels, count }) => ({ metric: this.#metric, labels, value: count }))
  }
}

export class NodeSeries implements Meter {
  readonly #now: () => number
  readonly #proposals = new Counts(METRICS.proposals)
  readonly #reads = new Counts(METRICS.reads)
  readonly #leaderChanges = new Counts(METRICS.leaderChanges, [])
  readonly #elections = new Counts(METRICS.elections, ['won'], ['lost'])
  readonly #writtenBytes = new Counts(METRICS.writtenBytes, [])
  readonly #immediateWrites = new Counts(METRICS.immediateWrites, [])
  readonly #applied = new Counts(METRICS.applied, [])
  readonly #storageErrors = new Counts(METRICS.storageErrors, ['write'], ['scrub'])
  readonly #snapshotFailures = new Counts(METRICS.snapshotFailures, ['take'], ['fetch'])
  readonly #pauses = new Counts(METRICS.pauses, [])
  readonly #reconnects = new Counts(METRICS.peerReconnects)
  readonly #refusals = new Counts(METRICS.refusals)
  readonly #proposalSeconds: DurationCounts
  readonly #leaderlessSeconds: DurationCounts
  readonly #fsyncSeconds: DurationCounts
  readonly #applySeconds: DurationCounts
  readonly #stageSeconds: Readonly<Record<ProposalStage, DurationCounts>>
  readonly #readSeconds: Readonly<Record<ReadMode, DurationCounts>>
  readonly #roundSeconds: Readonly<Record<'quorum' | 'lease', DurationCounts>>
  readonly #snapshotSeconds: Readonly<Record<'take' | 'fetch' | 'restore', DurationCounts>>
  readonly #lost = new Set<NodeId>()
  #leaderlessSince: number | undefined
  /** The snapshot that was fetched last: a fetch ends without an event if the log or a newer snapshot overtakes it. */
  #fetch: { readonly index: number; readonly since: number } | undefined
  #isCandidate = false
  #snapshot: { readonly bytes: number; readonly at: number } | undefined

  /** `now` is in milliseconds. */
  constructor(newDurations: NewDurations, now: () => number) {
    this.#now = now
    this.#proposalSeconds = newDurations(METRICS.proposalSeconds, {})
    this.#leaderlessSeconds = newDurations(METRICS.leaderless, {})
    this.#fsyncSeconds = newDurations(METRICS.fsync, {})
    this.#applySeconds = newDurations(METRICS.apply, {})
    const by = (metric: MetricDefinition, label: string, value: string) => newDurations(metric, { [label]: value })
    const stage = (value: ProposalStage): DurationCounts => by(METRICS.proposalStage, 'stage', value)
    this.#stageSeconds = { queue: stage('queue'), quorum: stage('quorum'), apply: stage('apply') }
    const mode = (value: ReadMode): DurationCounts => by(METRICS.readSeconds, 'mode', value)
    this.#readSeconds = { linearizable: mode('linearizable'), lease: mode('lease'), local: mode('local') }
    const round = (value: string): DurationCounts => by(METRICS.readRound, 'mode', value)
    this.#roundSeconds = { quorum: round('quorum'), lease: round('lease') }
    const op = (value: string): DurationCounts => by(METRICS.snapshotSeconds, 'op', value)
    this.#snapshotSeconds = { take: op('take'), fetch: op('fetch'), restore: op('restore') }
  }

  proposal(ms: number, code: ErrorCode | undefined): void {
    // One for each command: the applied ones are counted by their durations.
    if (code === undefined) this.#proposalSeconds.add(ms)
    else this.#proposals.add(1, shortCode(code))
  }

  stage(stage: ProposalStage, ms: number, count: number): void {
    this.#stageSeconds[stage].add(ms, count)
  }

  read(mode: ReadMode, ms: number, code: ErrorCode | undefined): void {
    this.#reads.add(1, mode, resultOf(code))
    if (code === undefined) this.#readSeconds[mode].add(ms)
  }

  readRound(mode: 'quorum' | 'lease', ms: number): void {
    this.#roundSeconds[mode].add(ms)
  }

  write(ms: number, bytes: number, isImmediate: boolean): void {
    this.#fsyncSeconds.add(ms)
    this.#writtenBytes.add(bytes)
    if (isImmediate) this.#immediateWrites.add(1)
  }

  apply(ms: number, commands: number): void {
    this.#applySeconds.add(ms)
    this.#applied.add(commands)
  }

  event(event: NodeEvent): void {
    switch (event.type) {
      case 'started':
        this.#leaderlessSince = this.#now()
        return
      case 'leaderChanged':
        return this.#onLeader(event.leader)
      case 'campaignStarted':
        this.#isCandidate = true
        return
      case 'becameLeader':
        return this.#endElection('won')
      case 'becameFollower':
      case 'preVoteStarted':
        return this.#endElection('lost')
      case 'paused':
        return this.#pauses.add(1)
      case 'peerLost':
        forgetOldest(this.#lost)
        this.#lost.add(event.peer)
        return
      case 'peerConnected':
        if (this.#lost.delete(event.peer)) this.#reconnects.add(1, event.peer)
        return
      case 'peerRefused':
      case 'refusedBy':
        return this.#refusals.add(1, refusalCode(event.code))
      case 'storageFailed':
        return this.#storageErrors.add(1, 'write')
      case 'scrubFailed':
        return this.#storageErrors.add(1, 'scrub')
      default:
        return this.#onSnapshotEvent(event)
    }
  }

  /** The counters, and the gauges of snapshots. Peers that are not members have none, so that their number is bounded. */
  samples(members: ReadonlySet<NodeId>): Sample[] {
    const { bytes, at } = this.#snapshot ?? {}
    const applied = { metric: METRICS.proposals, labels: { result: 'ok' }, value: this.#proposalSeconds.count }
    return [
      ...[this.#proposals, this.#reads, this.#leaderChanges, this.#elections, this.#writtenBytes, this.#applied],
      ...[
        this.#immediateWrites,
        this.#storageErrors,
        this.#snapshotFailures,
        this.#pauses,
        this.#reconnects,
        this.#refusals,
      ],
    ]
      .flatMap((counts) => counts.samples)
      .filter(({ labels }) => labels.peer === undefined || members.has(labels.peer))
      .concat(
        applied,
        bytes === undefined ? [] : { metric: METRICS.snapshotBytes, labels: {}, value: bytes },
        at === undefined ? [] : { metric: METRICS.snapshotAge, labels: {}, value: (this.#now() - at) / 1000 },
      )
  }

  #onSnapshotEvent(event: NodeEvent): void {
    switch (event.type) {
      case 'snapshotTaken':
        this.#snapshotSeconds.take.add(event.tookMs)
        this.#snapshot = { bytes: event.snapshot.size, at: this.#now() }
        return
      case 'snapshotFailed':
        return this.#snapshotFailures.add(1, 'take')
      case 'fetchStarted':
        // Further attempts belong to the same fetch.
        if (this.#fetch?.index !== event.snapshot.index)
          this.#fetch = { index: event.snapshot.index, since: this.#now() }
        return
      case 'fetchFailed':
        return this.#snapshotFailures.add(1, 'fetch')
      case 'snapshotInstalled':
        if (this.#fetch?.index === event.snapshot.index)
          this.#snapshotSeconds.fetch.add(this.#now() - this.#fetch.since)
        this.#fetch = undefined
        this.#snapshot = { bytes: event.snapshot.size, at: this.#now() }
        return
      case 'restored':
        this.#snapshotSeconds.restore.add(event.tookMs)
    }
  }

  #onLeader(leader: NodeId | undefined): void {
    if (leader === undefined) {
      this.#leaderlessSince ??= this.#now()
      return
    }
    this.#leaderChanges.add(1)
    if (this.#leaderlessSince !== undefined) this.#leaderlessSeconds.add(this.#now() - this.#leaderlessSince)
    this.#leaderlessSince = undefined
  }

  #endElection(result: 'won' | 'lost'): void {
    if (this.#isCandidate) this.#elections.add(1, result)
    this.#isCandidate = false
  }
}

function resultOf(code: ErrorCode | undefined): string {
  return code === undefined ? 'ok' : shortCode(code)
}

/** The other end chooses the code of its refusal: one that this release does not know is no label of its own. */
function refusalCode(code: string): string {
  return Object.hasOwn(ERROR_CODES, code) ? shortCode(code) : 'other'
}

function shortCode(code: string): string {
  return code.replace(/^ERR_RAFT_/, '').toLowerCase()
}
