/** Shrinks the log of a fault: removes commands that the fault does not need, and simplifies the others. */
import { isDeepStrictEqual } from 'node:util'
import type { Arbitrary, Value as FastCheckValue, Random, Stream } from 'fast-check'
import { fc } from '../arbitraries/fast-check.ts'
import { removeUnneeded } from '../remove-unneeded.ts'
import type { ShrinkBudget } from '../shrink-budget.ts'
import type { FaultToFind, LogToCheck } from './check-log.ts'
import { checkLog } from './check-log.ts'
import type { EntryPlace, LogPart } from './machine-fault.ts'
import { MachineFault } from './machine-fault.ts'
import type { MachineSpec } from './machine-harness.ts'

/** A generated value, with what fast-check needs to shrink it. */
export type Generated<Value> = FastCheckValue<Value>

/** A log of generated commands. */
export interface GeneratedLog<Command> {
  readonly commands: readonly Generated<Command>[]
  readonly contexts?: readonly EntryPlace[] | undefined
  readonly otherCommands: readonly Generated<Command>[]
  readonly restoredAt: readonly number[]
}

/** A log that shows a fault. */
export interface FaultyLog<Command> {
  readonly fault: MachineFault
  readonly commands: readonly Command[]
  readonly contexts: readonly EntryPlace[] | undefined
  readonly otherCommands: readonly Command[]
  /** Whether the fault occurred again when the log was checked again. */
  readonly isRepeated: boolean
}

/** Generates values together with what fast-check needs to shrink them. */
export function generated<Value>(values: Arbitrary<Value>): Arbitrary<Generated<Value>> {
  // Inside the function, because fast-check is loaded on first use.
  class GeneratedArbitrary extends fc.Arbitrary<Generated<Value>> {
    generate(random: Random, biasFactor: number | undefined): FastCheckValue<Generated<Value>> {
      return new fc.Value(values.generate(random, biasFactor), undefined)
    }

    canShrinkWithoutContext(_: unknown): _ is Generated<Value> {
      return false
    }

    shrink(): Stream<FastCheckValue<Generated<Value>>> {
      return fc.Stream.nil()
    }
  }
  return new GeneratedArbitrary()
}

interface Item<Command> {
  readonly value: Generated<Command>
  readonly context: EntryPlace | undefined
  /** Whether the snapshot that is restored contains it. */
  readonly isInSnapshot: boolean
  /** Whether the machine that is restored has applied it before. */
  readonly isInLess: boolean
}

/** A smaller log, and the fault that it shows. */
interface Smallest<Command> {
  readonly items: readonly Item<Command>[]
  readonly others: readonly Generated<Command>[]
  readonly fault: MachineFault
}

/** Up to so many commands, removing any two of them is tried. */
const PAIRS_MAX = 10
/** The number of simpler values of a command that are tried together with removing another one. */
const SIMPLER_MAX = 4

/** Shrinks a log that failed with this fault. If it does not fail again, it is returned up to the command that failed. */
export async function shrinkLog<Command, Result>(
  spec: MachineSpec<Command, Result>,
  arbitrary: Arbitrary<Command>,
  log: GeneratedLog<Command>,
  fault: MachineFault,
  budget: ShrinkBudget,
): Promise<FaultyLog<Command>> {
  // A call that does not settle is not shrunk: every attempt would take `deadlineMs`.
  if (fault.rule === 'settles' || budget.isEmpty) return plainLog(log, fault, true)
  const shrinking = new LogShrinking(spec, arbitrary, log, fault, budget)
  return (await shrinking.run()) ?? plainLog(log, fault, budget.ended !== undefined)
}

/** The log up to the command that failed. */
function plainLog<Command>(log: GeneratedLog<Command>, fault: MachineFault, isRepeated: boolean): FaultyLog<Command> {
  const isComplete = fault.part?.type === 'restore'
  const commands = log.commands.slice(0, isComplete ? undefined : fault.commands).map(({ value }) => value)
  return { fault, commands, contexts: log.contexts, otherCommands: othersOf(log.otherCommands, fault), isRepeated }
}

function othersOf<Command>(others: readonly Generated<Command>[], { part }: MachineFault): readonly Command[] {
  const isNeeded = part?.type === 'restore' && part.before === 'other commands'
  return isNeeded ? others.map(({ value }) => value) : []
}

/** Whether two new machines differ is found by the first run, or by repeating it. */
function isSamePart(one: LogPart | undefined, other: LogPart): boolean {
  const isRun = (part: LogPart | undefined): boolean => part?.type === 'run' || part?.type === 'repeat'
  return one?.type === other.type || (isRun(one) && isRun(other))
}

class LogShrinking<Command, Result> {
  readonly #spec: MachineSpec<Command, Result>
  readonly #arbitrary: Arbitrary<Command>
  readonly #rule: MachineFault['rule']
  readonly #part: LogPart
  readonly #budget: ShrinkBudget
  #best: Smallest<Command>

  constructor(
    spec: MachineSpec<Command, Result>,
    arbitrary: Arbitrary<Command>,
    log: GeneratedLog<Command>,
    fault: MachineFault,
    budget: ShrinkBudget,
  ) {
    const part = fault.part ?? { type: 'run' }
    const { at, less } = part.type === 'restore' ? part : { at: 0, less: 0 }
    this.#spec = spec
    this.#arbitrary = arbitrary
    this.#rule = fault.rule
    this.#part = part
    this.#budget = budget
    const items = log.commands.map((value, offset) => ({
      value,
      context: log.contexts?.[offset],
      isInSnapshot: offset < at,
      isInLess: offset < less,
    }))
    this.#best = { items, others: log.otherCommands, fault }
  }

  /** Undefined if the log does not fail again. */
  async run(): Promise<FaultyLog<Command> | undefined> {
    if (!(await this.#tryItems(this.#best.items))) return undefined
    await this.#tryItems(this.#best.items.map((item) => ({ ...item, context: undefined })))
    await this.#tryItems(this.#best.items.slice(0, this.#best.fault.commands))
    await this.#tryOthers([])
    for (let isSmaller = true; isSmaller && this.#budget.ended === undefined; ) {
      const before = this.#best
      await removeUnneeded(this.#best.items, (items) => this.#tryItems(items))
      await removeUnneeded(this.#best.others, (others) => this.#tryOthers(others))
      await this.#removePairs()
      await this.#removeAndSimplify()
      await this.#simplify(
        this.#best.items.length,
        (offset) => this.#best.items[offset]?.value,
        (value, offset) => this.#tryValue(value, offset),
      )
      await this.#simplify(
        this.#best.others.length,
        (offset) => this.#best.others[offset],
        (value, offset) => this.#tryOthers(this.#best.others.with(offset, value)),
      )
      isSmaller = this.#best !== before
    }
    const { items, others, fault } = this.#best
    const contexts = items.map(({ context }) => context)
    return {
      fault,
      commands: items.map(({ value }) => value.value),
      contexts: contexts.every((context) => context !== undefined) ? contexts : undefined,
      otherCommands: othersOf(others, fault),
      isRepeated: true,
    }
  }

  async #removePairs(): Promise<void> {
    for (let first = 0; first < this.#best.items.length && this.#best.items.length <= PAIRS_MAX; first++)
      for (let second = first + 1; second < this.#best.items.length; second++)
        await this.#tryItems(this.#best.items.filter((_, offset) => offset !== first && offset !== second))
  }

  /** Removes a command and simplifies another one: a number may count what the removed command made. */
  async #removeAndSimplify(): Promise<void> {
    for (let removed = 0; removed < this.#best.items.length && this.#best.items.length <= PAIRS_MAX; removed++)
      for (let other = 0; other < this.#best.items.length; other++) {
        const item = this.#best.items[other] as Item<Command>
        if (other === removed) continue
        for (const value of this.#arbitrary.shrink(item.value.value_, item.value.context).take(SIMPLER_MAX))
          if (await this.#tryItems(this.#best.items.with(other, { ...item, value }).filter((_, at) => at !== removed)))
            break
      }
  }

  /** Replaces each value by the first simpler one that still fails, as long as there is one. */
  async #simplify(
    length: number,
    valueAt: (offset: number) => Generated<Command> | undefined,
    tryWith: (value: Generated<Command>, offset: number) => Promise<boolean>,
  ): Promise<void> {
    for (let offset = 0; offset < length; offset++)
      for (let value = valueAt(offset), isSimpler = true; value !== undefined && isSimpler; value = valueAt(offset)) {
        isSimpler = false
        for (const simpler of this.#arbitrary.shrink(value.value_, value.context)) {
          if (this.#budget.ended !== undefined) return
          isSimpler = await tryWith(simpler, offset)
          if (isSimpler) break
        }
      }
  }

  /** Replaces one command, or all commands that are equal to it: two that share a name may have to keep sharing it. */
  async #tryValue(value: Generated<Command>, offset: number): Promise<boolean> {
    const { items } = this.#best
    const old = (items[offset] as Item<Command>).value.value_
    if (await this.#tryItems(items.with(offset, { ...(items[offset] as Item<Command>), value }))) return true
    const equal = items.filter((item) => isDeepStrictEqual(item.value.value_, old))
    if (equal.length === 1) return false
    return this.#tryItems(items.map((item) => (equal.includes(item) ? { ...item, value } : item)))
  }

  #tryItems(items: readonly Item<Command>[]): Promise<boolean> {
    return this.#try(items, this.#best.others)
  }

  async #tryOthers(others: readonly Generated<Command>[]): Promise<boolean> {
    return this.#best.others.length > 0 && this.#try(this.#best.items, others)
  }

  async #try(items: readonly Item<Command>[], others: readonly Generated<Command>[]): Promise<boolean> {
    if (!this.#budget.take()) return false
    const contexts = items.map(({ context }) => context)
    const at = items.filter(({ isInSnapshot }) => isInSnapshot).length
    const less = items.filter(({ isInLess }) => isInLess).length
    const part = this.#part.type === 'restore' ? { ...this.#part, at, less } : this.#part
    const log: LogToCheck<Command> = {
      commands: items.map(({ value }) => value.value),
      contexts: contexts.every((context) => context !== undefined) ? contexts : undefined,
      otherCommands: others.map(({ value }) => value),
      restoredAt: [at],
    }
    const only: FaultToFind = { rule: this.#rule, part }
    const fault = await checkLog(this.#spec, log, only).then(
      () => undefined,
      (thrown: unknown) => thrown,
    )
    // A smaller log that violates another rule does not count as a smaller failure.
    if (!(fault instanceof MachineFault) || fault.rule !== this.#rule || !isSamePart(fault.part, part)) return false
    this.#best = { items, others, fault }
    return true
  }
}
