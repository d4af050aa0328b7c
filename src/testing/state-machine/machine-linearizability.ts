/** What clients of a cluster are told, judged by the machine itself: one of it, alone, given the commands in the order of the log. */
import type { LogIndex, Term } from '../../core/types.ts'
import { checkLinearizable } from '../../linearizability/check-linearizable.ts'
import { CallHistory, type OpenCall } from '../../linearizability/history.ts'
import type { Model } from '../../linearizability/model.ts'
import type { Observation } from '../properties/observation.ts'
import type { Property } from '../properties/property.ts'
import type { CheckedMachine, MachineUnderTest } from './machine-under-test.ts'

/** How the histories of all runs were judged. */
export interface HistoryVerdicts {
  linearizable: number
  /** Given up, because too many steps of the model would have been needed. */
  undecided: number
}

export interface MachineLinearizabilityOptions {
  readonly machine: MachineUnderTest
  /** Whether the machine answers queries. */
  readonly hasQueries: boolean
  /** What a command or a query is, for a person to read. */
  format(what: 'write' | 'read', number: number): string
  /** How often the model may be stepped in one run before the history is left undecided. */
  readonly stepsMax: number
  /** Is counted up. */
  readonly verdicts: HistoryVerdicts
}

/** A call as the model knows it: w3 is the third write. */
interface Operation {
  readonly type: 'apply' | 'query'
  readonly what: string
  readonly call: string
}

interface Applied {
  readonly index: LogIndex
  readonly term: Term
  readonly command: string
}

/** Judged once, when the cluster has healed and every call has ended. */
export function machineLinearizability(options: MachineLinearizabilityOptions): Property {
  return {
    id: 'M1',
    name: 'linearizable calls',
    statement:
      'The history of client calls is linearizable: one state machine, executing one call at a time, explains it.',
    watch() {
      const recorder = new HistoryRecorder(options)
      let isChecked = false
      return (observation) => {
        if (observation.type !== 'ended') return recorder.observe(observation)
        if (isChecked) return undefined
        isChecked = true
        return recorder.check()
      }
    },
  }
}

class HistoryRecorder {
  readonly #options: MachineLinearizabilityOptions
  readonly #history = new CallHistory<Operation, string>()
  readonly #open = new Map<number, OpenCall<string>>()
  readonly #applied = new Map<string, Applied>()

  constructor(options: MachineLinearizabilityOptions) {
    this.#options = options
  }

  observe(observation: Observation): undefined {
    if (observation.type === 'applied') {
      if (!this.#applied.has(observation.command)) this.#applied.set(observation.command, observation)
    } else if (observation.type === 'invoked') this.#begin(observation)
    else if (observation.type === 'returned') this.#end(observation)
  }

  check(): string | undefined {
    const { stepsMax, verdicts } = this.#options
    const order = [...this.#applied.values()].sort((one, other) => one.index - other.index)
    const calls = this.#history.calls.filter(
      // Nobody has had its command, so nobody can have been told of it.
      ({ answer, operation }) => answer?.type === 'ok' || this.#applied.has(operation.call),
    )
    const queries = calls.filter(({ operation }) => operation.type === 'query').map(({ operation }) => operation.call)
    const told = checkLinearizable(modelOf(this.#options.machine, order, queries), calls, { stepsMax })
    if (told.verdict === 'violated') return told.explanation
    verdicts[told.verdict]++
    return undefined
  }

  #begin({ call, node, what, command }: Observation & { readonly type: 'invoked' }): void {
    if (what === 'read' && !this.#options.hasQueries) return
    const words = this.#options.format(what, Number(command.slice(1)))
    const type = what === 'write' ? 'apply' : 'query'
    this.#open.set(call, this.#history.call(node, { type, what: words, call: command }))
  }

  #end({ call, outcome, result }: Observation & { readonly type: 'returned' }): void {
    const open = this.#open.get(call)
    if (outcome === 'applied') open?.ok(result ?? '')
    else if (outcome === 'unknown') open?.unknown()
    else open?.rejected()
  }
}

const OUT_OF_ORDER = 'nothing: it is not the next in the log'

/** Its state is how many commands of the log it was given; all that it would say is found out beforehand. */
function modelOf(
  machine: MachineUnderTest,
  order: readonly Applied[],
  queries: readonly string[],
): Model<number, Operation, string> {
  const one = machine.make()
  const places = new Map(order.map(({ command }, place) => [command, place]))
  const answers = [answersOf(one, queries)]
  const results = order.map(({ command, index, term }) => {
    const result = one.apply(Number(command.slice(1)), { index, term })
    answers.push(answersOf(one, queries))
    return result
  })
  return {
    initial: () => 0,
    step(given, { type, call }) {
      if (type === 'query') return { state: given, result: answers[given]?.get(call) ?? '' }
      if (places.get(call) !== given) return { state: given, result: OUT_OF_ORDER }
      return { state: given + 1, result: results[given] ?? '' }
    },
    hash: String,
    changesNothing: ({ type }) => type === 'query',
  }
}

function answersOf(machine: CheckedMachine, queries: readonly string[]): ReadonlyMap<string, string> {
  return new Map(queries.map((query) => [query, machine.query?.(Number(query.slice(1))) ?? '']))
}
