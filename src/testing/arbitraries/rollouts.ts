/** Arbitrary rolling upgrades of the state machine, priorities of leaders, and dead voters that the autopilot removes. */
import type { Arbitrary } from 'fast-check'
import type { RuntimeOptions } from '../../runtime/options.ts'
import type { Fault, FaultPlan } from '../simulation/faults.ts'
import type { ClusterPlan } from '../simulation/workload.ts'
import { fc } from './fast-check.ts'
import { node } from './nodes.ts'
import { rarely } from './rarely.ts'

export interface Upgrade {
  readonly atMs: number
  readonly everyMs: number
  /** The voters in the order of their upgrades; some are left out. */
  readonly order: readonly number[]
  readonly machineVersion: number
}

/** A rolling upgrade, in a quarter of the plans. */
export function upgrades(untilMs: number): Arbitrary<Upgrade | undefined> {
  const one = fc.record({
    atMs: fc.nat(untilMs / 2),
    everyMs: fc.integer({ min: 5, max: 500 }),
    order: fc.shuffledSubarray([0, 1, 2, 3, 4], { minLength: 1 }),
    machineVersion: fc.integer({ min: 2, max: 3 }),
  })
  return rarely(one, undefined)
}

/** The spares are upgraded first: a node with an older machine than the version in force cannot join. */
export function upgradeFaults({ voters, spares }: ClusterPlan, upgrade: Upgrade | undefined): Fault[] {
  if (upgrade === undefined) return []
  const { atMs, everyMs, order, machineVersion } = upgrade
  const of = (number: number, delayMs: number): Fault => ({
    ...{ type: 'upgrade', atMs: atMs + delayMs, node: number, machineVersion },
  })
  const first = Array.from({ length: spares }, (_, spare) => of(voters + spare, 0))
  return [...first, ...order.filter((voter) => voter < voters).map((voter, place) => of(voter, (place + 1) * everyMs))]
}

/** Priorities of some nodes, in a quarter of the plans. */
export function priorities(untilMs: number): Arbitrary<FaultPlan> {
  const one = fc.record({
    type: fc.constant('prefer' as const),
    atMs: fc.nat(untilMs / 2),
    node: node(),
    leaderPriority: fc.integer({ min: 1, max: 3 }),
  })
  return rarely(fc.array(one, { minLength: 1, maxLength: 3 }), [])
}

/** How long a preferred voter must have stored everything, in the plans with priorities. */
export const PREFERENCE: Partial<RuntimeOptions> = { leaderPriorityWaitMs: 200 }

/** The autopilot, in a quarter of the plans. */
export function autopilots(): Arbitrary<Partial<RuntimeOptions>> {
  const one: Arbitrary<Partial<RuntimeOptions>> = fc.record({
    autopilotDeadMs: fc.integer({ min: 300, max: 1000 }),
    autopilotVotersMin: fc.integer({ min: 2, max: 4 }),
  })
  return rarely(one, {})
}

/** What makes data of a voter unusable may not come together with the removal of another voter. */
const LOSSES: ReadonlySet<Fault['type']> = new Set(['wipeDisk', 'rot', 'changeCommand', 'rollBackDisk', 'cloneDisk'])

export function keepsData({ type }: Fault): boolean {
  return !LOSSES.has(type)
}
