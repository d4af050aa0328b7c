/** Injects one random fault after another, and checks that the cluster recovers from each. */
import { SeededRandom } from '../../src/testing/simulation/seeded-random.ts'
import { awaitRecovery } from './await-recovery.ts'
import { COPY_FAULTS } from './copy-faults.ts'
import { canLimitDescriptors, DESCRIPTOR_FAULTS } from './descriptor-faults.ts'
import { DISK_FAULTS, TINY_DISK_FAULTS, UNSURVIVABLE_FAULTS } from './disk-faults.ts'
import type { Fault, FaultContext } from './fault-context.ts'
import { pause } from './fault-context.ts'
import { LINK_FAULTS } from './link-faults.ts'
import { MEMBER_FAULTS } from './member-faults.ts'
import { PROCESS_FAULTS } from './process-faults.ts'

/** Faults that change no links and involve a single node, so that they can run during a fault of links. */
const COMBINABLE = [
  'kill one',
  'kill the leader',
  'stop one',
  'stop the leader',
  'kill during a snapshot',
  'transfer leadership',
]

/** Injects a fault of links and another fault at the same time. */
async function twoAtOnce(context: FaultContext): Promise<void> {
  const kinds = [context.random.pick(Object.keys(LINK_FAULTS)), context.random.pick(COMBINABLE)]
  context.log(kinds.join(', and: '))
  await Promise.all(kinds.map((kind) => (ALL_FAULTS[kind] as Fault)({ ...context, random: context.random.fork(kind) })))
}

/** The faults of a run that does not select its own. */
export const FAULTS: Readonly<Record<string, Fault>> = {
  'two at once': twoAtOnce,
  ...PROCESS_FAULTS,
  ...LINK_FAULTS,
  ...DISK_FAULTS,
  ...COPY_FAULTS,
  ...DESCRIPTOR_FAULTS,
  ...TINY_DISK_FAULTS,
  ...MEMBER_FAULTS,
}

export const ALL_FAULTS: Readonly<Record<string, Fault>> = { ...FAULTS, ...UNSURVIVABLE_FAULTS }

/** The former names of faults, which `--only` still accepts. */
export const FORMER_KINDS: Readonly<Record<string, string>> = {
  'mute the leader': 'drop what the leader sends',
  'deafen the leader': 'drop what the leader receives',
}

/** False for faults that need more nodes, a small disk or a command that is not there. */
export function isPossible(kind: string, nodes: number, hasTinyDisk: boolean): boolean {
  if (kind in DESCRIPTOR_FAULTS) return canLimitDescriptors()
  if (kind in TINY_DISK_FAULTS) return hasTinyDisk && nodes > 1
  if (kind in LINK_FAULTS || kind in MEMBER_FAULTS || kind in COPY_FAULTS || kind === 'two at once') return nodes > 1
  return nodes > 1 || !['flip bits', 'wipe a disk'].includes(kind)
}

export interface PlannedFault {
  readonly kind: string
  /** The seed of all random choices in the fault. */
  readonly seed: number
  /** The pause before the fault. */
  readonly pauseBeforeMs: number
  /** The added latency of all links during the fault; 0 for none. */
  readonly delayMs: number
}

/** An endless plan that depends only on the seed. It uses every kind once before it repeats any. */
export function* faultPlan(seed: number, kinds: readonly string[]): Generator<PlannedFault, never> {
  const random = new SeededRandom(seed).fork('nemesis')
  for (;;) {
    const left = [...kinds]
    while (left.length > 0) {
      const [kind] = left.splice(random.below(left.length), 1) as [string]
      const delayMs = random.chance(250) ? random.between(2, 40) : 0
      yield { kind, seed: random.next(), pauseBeforeMs: random.between(100, 1500), delayMs }
    }
  }
}

export class Nemesis {
  readonly counts = new Map<string, number>()
  /** All actions, with milliseconds since the start of the run. */
  readonly schedule: { readonly at: number; readonly kind: string; readonly action: string }[] = []
  readonly #context: Omit<FaultContext, 'random' | 'log'>
  readonly #now: () => number
  readonly #onLine: (line: string) => void

  constructor(context: Omit<FaultContext, 'random' | 'log'>, now: () => number, onLine: (line: string) => void) {
    this.#context = context
    this.#now = now
    this.#onLine = onLine
  }

  /** Runs the faults of the plan until the time is over or `faultsMax` is reached. */
  async run(plan: Iterable<PlannedFault>, forMs: number, faultsMax: number): Promise<void> {
    let faults = 0
    for (const planned of plan) {
      if (faults++ >= faultsMax) return
      const { kind, seed, pauseBeforeMs, delayMs } = planned
      const log = (action: string): void => this.#log(kind, action)
      const context: FaultContext = { ...this.#context, random: new SeededRandom(seed), log }
      await pause(context, pauseBeforeMs)
      if (this.#now() >= forMs) return
      if (delayMs > 0) this.#delayAll(delayMs)
      await (ALL_FAULTS[kind] as Fault)(context)
      context.cluster.links.heal()
      await awaitRecovery(context)
      log('recovered')
      this.counts.set(kind, (this.counts.get(kind) ?? 0) + 1)
    }
  }

  /** The kind of fault at an instant. */
  faultAt(instant: number): string {
    return this.schedule.findLast(({ at }) => at <= instant)?.kind ?? 'the start'
  }

  #delayAll(delayMs: number): void {
    const { links, ids } = this.#context.cluster
    for (const from of ids)
      for (const to of ids) if (to !== from) links.set(from, to, { type: 'slow', delayMs, bytesPerSecond: 10_000_000 })
  }

  #log(kind: string, action: string): void {
    const at = this.#now()
    this.schedule.push({ at, kind, action })
    this.#onLine(`${(at / 1000).toFixed(1).padStart(7)} s  ${kind.padEnd(29)}  ${action}`)
  }
}
