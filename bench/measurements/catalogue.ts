/** All measurements by the name that `--only` takes. */
import type { BenchOptions } from '../options.ts'
import type { Plan } from '../plan.ts'
import type { System } from '../systems/system.ts'
import { catchUp, deadFollower, failover } from './failures.ts'
import { network, nodes, payload, reads, throughput } from './loads.ts'
import { saturation } from './saturation.ts'
import { snapshot } from './snapshot.ts'
import { idle, startUp } from './unloaded.ts'

export type MakePlan = (options: BenchOptions, systems: readonly System[]) => Plan

export const PARTS: Readonly<Record<string, MakePlan>> = {
  ...{ throughput, payload, nodes, reads, network, failover, 'dead-follower': deadFollower, 'catch-up': catchUp },
  ...{ snapshot, start: startUp, idle, saturation },
}

/** The parts that compare every storage and transport of ours; the others measure the best one, beside the peers. */
export const PARTS_WITH_EVERY_SYSTEM: ReadonlySet<string> = new Set(['throughput', 'idle'])
