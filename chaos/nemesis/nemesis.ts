/** Draws faults from a seed, one after the other, each kind before any comes again; after each the cluster must recover. */
import { SeededRandom } from '../../src/testing/simulation/seeded-random.ts'
import { awaitRecovery } from './await-recovery.ts'
import { DISK_FAULTS, TINY_DISK_FAULTS, UNSURVIVABLE_FAULTS } from './disk-faults.ts'
import type { Fault, FaultContext } from './fault-context.ts'
import { pause } from './fault-context.ts'
import { LINK_FAULTS } from './link-faults.ts'
import { MEMBER_FAULTS } from './member-faults.ts'
import { PROCESS_FAULTS } from './process-faults.ts'

/** Those that leave links alone, and can do without the others meanwhile. */
const COMBINABLE = [
  'kill one',
  'kill the leader',
  'stop one',
  'stop the leader',
  'kill during a snapshot',
  'transfer leadership',
]

/** A fault of links, and another one at the same time. */
async function twoAtOnce(stage: FaultContext): Promise<void> {
  const kinds = [stage.random.pick(Object.keys(LINK_FAULTS)), stage.random.pick(COMBINABLE)]
  stage.say(kinds.join(', and: '))
  await Promise.all(kinds.map((kind) => (ALL_FAULTS[kind] as Fault)({ ...stage, random: stage.random.fork(kind) })))
}

/** What is drawn from, unless a run names its own. */
export const FAULTS: Readonly<Record<string, Fault>> = {
  'two at once': twoAtOnce,
  ...PROCESS_FAULTS,
  ...LINK_FAULTS,
  ...DISK_FAULTS,
  ...TINY_DISK_FAULTS,
  ...MEMBER_FAULTS,
}

export const ALL_FAULTS: Readonly<Record<string, Fault>> = { ...FAULTS, ...UNSURVIVABLE_FAULTS }

/** Those that a cluster of one node, or one without a disk to fill, cannot have. */
export function isPossible(kind: string, nodes: number, hasTinyDisk: boolean): boolean {
  if (kind in TINY_DISK_FAULTS) return hasTinyDisk && nodes > 1
  if (kind in LINK_FAULTS || kind in MEMBER_FAULTS || kind === 'two at once') return nodes > 1
  return nodes > 1 || !['flip bits', 'wipe a disk'].includes(kind)
}

export interface PlannedFault {
  readonly kind: string
  /** Of all that is random in it. */
  readonly seed: number
  /** Before it. */
  readonly pauseBeforeMs: number
  /** Every message takes so long meanwhile; 0, as long as it takes. */
  readonly delayMs: number
}

/** The same seed, the same plan. */
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
  /** What was done, with milliseconds since the beginning. */
  readonly schedule: { readonly at: number; readonly kind: string; readonly what: string }[] = []
  readonly #context: Omit<FaultContext, 'random' | 'say'>
  readonly #now: () => number
  readonly #onLine: (line: string) => void

  constructor(context: Omit<FaultContext, 'random' | 'say'>, now: () => number, onLine: (line: string) => void) {
    this.#context = context
    this.#now = now
    this.#onLine = onLine
  }

  /** One fault after the other, until the time is over or there were so many. */
  async run(plan: Iterable<PlannedFault>, forMs: number, faultsMax: number): Promise<void> {
    let faults = 0
    for (const planned of plan) {
      if (faults++ >= faultsMax) return
      const { kind, seed, pauseBeforeMs, delayMs } = planned
      const say = (what: string): void => this.#log(kind, what)
      const stage: FaultContext = { ...this.#context, random: new SeededRandom(seed), say }
      await pause(stage, pauseBeforeMs)
      if (this.#now() >= forMs) return
      if (delayMs > 0) this.#delayAll(delayMs)
      await (ALL_FAULTS[kind] as Fault)(stage)
      stage.cluster.links.heal()
      await awaitRecovery(stage)
      say('whole again')
      this.counts.set(kind, (this.counts.get(kind) ?? 0) + 1)
    }
  }

  /** What was going on at an instant. */
  faultAt(instant: number): string {
    return this.schedule.findLast(({ at }) => at <= instant)?.kind ?? 'the beginning'
  }

  #delayAll(delayMs: number): void {
    const { links, ids } = this.#context.cluster
    for (const from of ids)
      for (const to of ids) if (to !== from) links.set(from, to, { type: 'slow', delayMs, bytesPerSecond: 10_000_000 })
  }

  #log(kind: string, what: string): void {
    const at = this.#now()
    this.schedule.push({ at, kind, what })
    this.#onLine(`${(at / 1000).toFixed(1).padStart(7)} s  ${kind.padEnd(27)}  ${what}`)
  }
}
