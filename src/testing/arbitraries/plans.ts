/** fast-check arbitraries for clusters, workloads and fault plans. */
import type { Arbitrary } from 'fast-check'
import type { Message } from '../../core/messages.ts'
import type { RaftOptions } from '../../core/options.ts'
import type { RuntimeOptions } from '../../runtime/options.ts'
import type { DamagedPart } from '../simulation/damage.ts'
import type { Fault, FaultPlan } from '../simulation/faults.ts'
import type { NetworkConditions } from '../simulation/network-conditions.ts'
import type { Call, ClusterPlan, Workload } from '../simulation/workload.ts'
import { changeReaders, freshReads, sessionWrites, writesInTerms } from './client-calls.ts'
import { fc } from './fast-check.ts'
import { type LeaseStress, leaseStress } from './lease-stress.ts'
import { node } from './nodes.ts'
import { olderDisks } from './older-disks.ts'
import { autopilots, keepsData, PREFERENCE, priorities, upgradeFaults, upgrades } from './rollouts.ts'

/** A random plan: everything that `simulate` needs. */
export interface RunPlan {
  readonly seed: number
  readonly cluster: ClusterPlan
  readonly settings: Partial<RaftOptions & RuntimeOptions>
  readonly workload: Workload
  readonly faults: FaultPlan
}

/** Complete plans with calls and faults until `untilMs`. With lease reads, clock rates differ by no more than leases tolerate. */
export function runPlans(options: { readonly untilMs: number }): Arbitrary<RunPlan> {
  const { untilMs } = options
  return fc
    .record({
      seed: fc.noShrink(fc.nat(0x7fffffff)),
      cluster: clusters(),
      settings: settings(),
      workload: workloads({ untilMs }),
      faults: faultPlans({ untilMs }),
      checksFreeSpace: fc.boolean(),
      stress: fc.array(leaseStress(untilMs), { maxLength: 2 }),
      isStressOnly: fc.boolean(),
      // Last, so that the plans without them stay as they are.
      older: olderDisks(untilMs),
      changed: changedCommands(untilMs),
      inSessions: sessionWrites(untilMs),
      fresh: freshReads(untilMs),
      inTerms: writesInTerms(untilMs),
      readers: changeReaders(untilMs),
      upgrade: upgrades(untilMs),
      preferred: priorities(untilMs),
      autopilot: autopilots(),
    })
    .map(({ autopilot, ...plan }) =>
      autopilot.autopilotDeadMs === undefined
        ? plan
        : {
            ...plan,
            settings: { ...plan.settings, ...autopilot },
            faults: plan.faults.filter(keepsData),
            older: [],
            changed: [],
          },
    )
    .map(({ upgrade, ...plan }) => ({ ...plan, faults: [...plan.faults, ...upgradeFaults(plan.cluster, upgrade)] }))
    .map(({ preferred, ...plan }) =>
      preferred.length > 0
        ? { ...plan, settings: { ...plan.settings, ...PREFERENCE }, faults: [...plan.faults, ...preferred] }
        : plan,
    )
    .map(({ inTerms, readers, ...plan }) => ({ ...plan, workload: [...plan.workload, ...inTerms, ...readers] }))
    .map(({ fresh, ...plan }) =>
      fresh.length > 0
        ? { ...plan, workload: [...plan.workload, ...fresh], faults: plan.faults.map(withinDrift) }
        : plan,
    )
    .map(({ inSessions, ...plan }) =>
      inSessions.length > 0 ? { ...plan, workload: [...plan.workload, ...inSessions] } : plan,
    )
    .map(({ changed, ...plan }) =>
      changed.length > 0
        ? { ...plan, settings: { ...plan.settings, ...SCRUBS }, faults: [...plan.faults, ...changed] }
        : plan,
    )
    .map(({ older, ...plan }) =>
      older.length > 0 ? { ...plan, faults: [...plan.faults.map(withoutStale), ...older] } : plan,
    )
    .map(({ stress, isStressOnly, ...plan }) =>
      plan.settings.leaseReads === true && stress.length > 0 ? withLeaseStress(plan, stress, isStressOnly) : plan,
    )
    .map(({ checksFreeSpace, ...plan }) =>
      checksFreeSpace && plan.faults.some(({ type }) => type === 'fullDisk')
        ? { ...plan, settings: { ...plan.settings, ...SPACE_CHECKS } }
        : plan,
    )
    .map((plan) =>
      plan.settings.leaseReads === true
        ? { ...plan, faults: plan.faults.filter(({ type }) => type !== 'switches').map(withinDrift) }
        : plan,
    )
    .map((plan) => (canBeDisrupted(plan) ? { ...plan, faults: plan.faults.map(withSafeSwitches) } : plan))
}

/**
 * Whether some node campaigns without a pre-vote while another ignores leader stickiness: then a removed node that does not know of its
 * removal can depose one leader after another (thesis §4.2.3), so that no stable leader is guaranteed.
 */
function canBeDisrupted({ settings: all, faults }: RunPlan): boolean {
  const switches = [all, ...faults.filter((fault) => fault.type === 'switches')]
  return switches.some((one) => one.preVote === false) && switches.some((one) => one.checkQuorum === false)
}

/** Adds episodes that put leases at risk. With all other faults too they rarely come to their end, so half of the plans have no others. */
function withLeaseStress<Plan extends Pick<RunPlan, 'workload' | 'faults'>>(
  plan: Plan,
  stress: readonly LeaseStress[],
  isStressOnly: boolean,
): Plan {
  return {
    ...plan,
    workload: [...plan.workload, ...stress.flatMap(({ calls }) => calls)],
    faults: [...(isStressOnly ? [] : plan.faults), ...stress.flatMap(({ faults }) => faults)],
  }
}

function withSafeSwitches(fault: Fault): Fault {
  return fault.type === 'switches' ? { ...fault, preVote: true, checkQuorum: true } : fault
}

/** Mostly the defaults; sometimes one switch has its other value. */
export function settings(): Arbitrary<Partial<RaftOptions>> {
  const usual = fc.constant<Partial<RaftOptions>>({})
  const without = fc.constantFrom<Partial<RaftOptions>>(
    { preVote: false },
    { checkQuorum: false },
    { leaseReads: true },
    { electionTimeoutLimitMs: 600 },
  )
  const switches = fc.oneof({ arbitrary: usual, weight: 3 }, { arbitrary: without, weight: 2 })
  return fc.tuple(switches, fc.boolean()).map(([some, isLong]) => (isLong ? { ...some, ...LONG_LOG } : some))
}

/** Makes nodes check the free space on their disks. */
const SPACE_CHECKS: Partial<RuntimeOptions> = { freeBytesMin: 1000, freeBytesCheckMs: 100 }

/** Makes nodes read their logs again several times during a run. */
const SCRUBS: Partial<RuntimeOptions> = { scrubBytesPerSecond: 100_000, scrubIntervalMs: 500 }

/** Usually none, otherwise one. */
function changedCommands(untilMs: number): Arbitrary<readonly Fault[]> {
  const type = fc.constant('changeCommand' as const)
  const one = fc.record({ type, atMs: fc.nat(untilMs), node: node(), place: fc.nat(0xff) })
  return fc.oneof({ arbitrary: fc.constant([]), weight: 9 }, { arbitrary: one.map((fault) => [fault]), weight: 1 })
}

/** Keeps enough entries that followers never need a snapshot. */
const LONG_LOG: Partial<RaftOptions> = { trailingEntries: 10_000, trailingBytesMax: 1_000_000 }

/** What a node has forgotten, a message that arrives much later may still state. */
function withoutStale(fault: Fault): Fault {
  if (fault.type !== 'networkConditions') return fault
  return { ...fault, conditions: { ...fault.conditions, stalePerMille: 0 } }
}

function withinDrift(fault: Fault): Fault {
  return fault.type === 'drift' ? { ...fault, ratePerMille: 960 + (fault.ratePerMille % 80) } : fault
}

/** One to five voters, usually three, and at most one spare. */
export function clusters(): Arbitrary<ClusterPlan> {
  return fc.record({
    voters: fc.oneof({ arbitrary: fc.constant(3), weight: 6 }, { arbitrary: fc.constantFrom(5, 4, 1, 2), weight: 4 }),
    spares: fc.nat(1),
  })
}

/** Writes and reads until `untilMs`, with occasional membership changes, transfers and snapshots. */
export function workloads(options: {
  readonly untilMs: number
  readonly callsMax?: number | undefined
}): Arbitrary<Workload> {
  const { untilMs, callsMax = 120 } = options
  const atMs = fc.nat(untilMs)
  const some = fc.array(node(), { maxLength: 2 })
  const none = fc.constant<number[]>([])
  const call: Arbitrary<Call> = fc.oneof(
    {
      arbitrary: fc.record({
        type: fc.constant('write' as const),
        atMs,
        node: node(),
        count: fc.integer({ min: 1, max: 6 }),
      }),
      weight: 14,
    },
    {
      arbitrary: fc.record({
        type: fc.constant('writeLarge' as const),
        atMs,
        node: node(),
        bytes: fc.integer({ min: 100, max: 5000 }),
      }),
      weight: 1,
    },
    {
      arbitrary: fc.record({
        type: fc.constant('read' as const),
        atMs,
        node: node(),
        mode: fc.constantFrom('linearizable' as const, 'lease' as const),
      }),
      weight: 5,
    },
    {
      arbitrary: fc.record({
        type: fc.constant('change' as const),
        atMs,
        add: fc.oneof(some, none),
        promote: fc.oneof(some, none),
        demote: fc.oneof(some, none, none, none),
        remove: fc.oneof(some, none, none),
      }),
      weight: 3,
    },
    { arbitrary: fc.record({ type: fc.constant('transfer' as const), atMs, node: node() }), weight: 1 },
    { arbitrary: fc.record({ type: fc.constant('snapshot' as const), atMs, node: node() }), weight: 1 },
  )
  return fc.array(call, { maxLength: callsMax, size: 'max' })
}

/** The faults that a plan may contain any number of. `olderDisks`, `changedCommands` and rollouts.ts draw the others. */
type SingleFault = Exclude<
  Fault,
  { readonly type: 'rollBackDisk' | 'cloneDisk' | 'changeCommand' | 'upgrade' | 'prefer' }
>

/** Faults that begin before `untilMs`, of every type that any number of nodes may have. */
export function faultPlans(options: {
  readonly untilMs: number
  readonly faultsMax?: number | undefined
}): Arbitrary<FaultPlan> {
  const { untilMs, faultsMax = 16 } = options
  return fc.array(fault(untilMs), { maxLength: faultsMax, size: 'max' })
}

function fault(untilMs: number): Arbitrary<Fault> {
  const atMs = fc.nat(untilMs)
  const forMs = fc.oneof(fc.integer({ min: 5, max: 200 }), fc.integer({ min: 200, max: 2000 }))
  const of = <Type extends Fault['type'], Rest>(type: Type, rest: { [Field in keyof Rest]: Arbitrary<Rest[Field]> }) =>
    fc.record({ type: fc.constant(type), atMs, ...rest })
  // An entry per type, so that no fault is left out. The order is part of what a seed means.
  const byType: Readonly<
    Record<SingleFault['type'], { readonly arbitrary: Arbitrary<unknown>; readonly weight: number }>
  > = {
    crash: { arbitrary: of('crash', { node: node(), isHard: fc.boolean(), forMs }), weight: 5 },
    crashAtCall: {
      arbitrary: of('crashAtCall', {
        node: node(),
        call: fc.nat(20),
        when: fc.constantFrom('before' as const, 'after' as const),
        forMs,
      }),
      weight: 4,
    },
    powerCut: {
      arbitrary: of('powerCut', { nodes: fc.uniqueArray(node(), { minLength: 2 }), isHard: fc.boolean(), forMs }),
      weight: 2,
    },
    restarts: {
      arbitrary: of('restarts', { node: node(), times: fc.integer({ min: 2, max: 8 }), gapUs: fc.nat(3000) }),
      weight: 2,
    },
    switches: {
      arbitrary: of('switches', { node: node(), preVote: fc.boolean(), checkQuorum: fc.boolean() }),
      weight: 1,
    },
    flap: {
      arbitrary: of('flap', {
        side: fc.uniqueArray(node(), { minLength: 1, maxLength: 2 }),
        everyMs: fc.integer({ min: 5, max: 400 }),
        forMs,
      }),
      weight: 2,
    },
    passOnly: { arbitrary: of('passOnly', { from: node(), to: node(), message: messageType(), forMs }), weight: 2 },
    stall: { arbitrary: of('stall', { node: node(), forMs }), weight: 2 },
    fullDisk: {
      arbitrary: of('fullDisk', { node: node(), leftBytes: fc.oneof(fc.constant(0), fc.nat(4000)), forMs }),
      weight: 1,
    },
    misread: { arbitrary: of('misread', { node: node(), forMs }), weight: 1 },
    wipeDisk: { arbitrary: of('wipeDisk', { node: node() }), weight: 1 },
    rot: { arbitrary: of('rot', { node: node(), part: damagedPart(), place: fc.nat(0xffff) }), weight: 2 },
    partition: {
      arbitrary: of('partition', { side: fc.uniqueArray(node(), { minLength: 1, maxLength: 3 }), forMs }),
      weight: 5,
    },
    cut: { arbitrary: of('cut', { from: node(), to: node(), forMs }), weight: 3 },
    reset: { arbitrary: of('reset', { a: node(), b: node() }), weight: 2 },
    networkConditions: { arbitrary: of('networkConditions', { conditions: networkConditions(), forMs }), weight: 5 },
    slowDisk: {
      arbitrary: of('slowDisk', { node: node(), syncMs: fc.integer({ min: 5, max: 1500 }), forMs }),
      weight: 2,
    },
    failDisk: { arbitrary: of('failDisk', { node: node(), forMs }), weight: 1 },
    pause: { arbitrary: of('pause', { node: node(), forMs }), weight: 3 },
    missing: { arbitrary: missing(untilMs), weight: 2 },
    drift: {
      arbitrary: of('drift', { node: node(), ratePerMille: fc.integer({ min: 500, max: 3000 }), forMs }),
      weight: 1,
    },
  }
  return fc.oneof(...Object.values(byType)) as Arbitrary<Fault>
}

function damagedPart(): Arbitrary<DamagedPart> {
  return fc.constantFrom('log', 'hardState', 'snapshot', 'snapshotFile')
}

function messageType(): Arbitrary<Message['type']> {
  return fc.constantFrom<Message['type'][]>(
    'AppendEntriesRequest',
    'AppendEntriesResponse',
    'PreVoteRequest',
    'RequestVoteRequest',
    'InstallSnapshotRequest',
  )
}

/** Half of them begin exactly when the other faults end. */
function missing(untilMs: number): Arbitrary<Fault> {
  return fc.record({
    type: fc.constant('missing' as const),
    atMs: fc.oneof(fc.nat(untilMs), fc.constant(untilMs)),
    node: node(),
    how: fc.constantFrom('down' as const, 'cut off' as const),
  })
}

function networkConditions(): Arbitrary<NetworkConditions> {
  return fc.record({
    delayMinUs: fc.constant(200),
    delayMaxUs: fc.constantFrom(2000, 20_000, 100_000),
    lossPerMille: fc.constantFrom(0, 50, 300),
    duplicatePerMille: fc.constantFrom(0, 100, 500),
    slowPerMille: fc.constantFrom(0, 20),
    stalePerMille: fc.constantFrom(0, 50),
    isOrdered: fc.boolean(),
  })
}
