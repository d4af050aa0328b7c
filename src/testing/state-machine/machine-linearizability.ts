/** Checks that client calls to a cluster are linearizable. The model, by default the state machine itself, applies the commands in log order. */
import type { LogIndex, Term } from '../../core/types.ts'
import { checkLinearizable } from '../../linearizability/check-linearizable.ts'
import { CallHistory, type OpenCall } from '../../linearizability/history.ts'
import type { Model } from '../../linearizability/model.ts'
import type { MachineTexts } from '../properties/machine-texts.ts'
import type { Observation } from '../properties/observation.ts'
import type { Property, ViolationDetail } from '../properties/property.ts'
import type { CheckedMachine, MachineUnderTest } from './machine-under-test.ts'
import { ShownText } from './shown-text.ts'

/** The number of runs by the verdict on their history. */
export interface HistoryVerdicts {
  linearizable: number
  /** Runs whose check reached `stepsMax`. */
  undecided: number
}

export interface MachineLinearizabilityOptions {
  /** The model. */
  readonly machine: MachineUnderTest
  /** Whether the machine answers queries. */
  readonly hasQueries: boolean
  /** How to show commands, queries, results and answers. */
  readonly texts: MachineTexts
  /** The step limit of the check of one run. */
  readonly stepsMax: number
  /** Called when a run begins. */
  onRun?(): void
  /** Incremented after each check. */
  readonly verdicts: HistoryVerdicts
}

/** A call in the history. `what` is its name in the observations: w3 is the third write. */
interface Operation {
  readonly type: 'apply' | 'query'
  readonly what: ShownText
}

interface Applied {
  readonly index: LogIndex
  readonly term: Term
  readonly command: string
}

/** The property is checked once, at the end of a run, after every call has ended. */
export function machineLinearizability(options: MachineLinearizabilityOptions): Property {
  return {
    id: 'M1',
    name: 'linearizable calls',
    statement:
      'The history of client calls is linearizable: one state machine, executing one call at a time, explains it.',
    watch() {
      options.onRun?.()
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
  readonly #history = new CallHistory<Operation, ShownText>()
  readonly #open = new Map<number, OpenCall<ShownText>>()
  readonly #types = new Map<number, Operation['type']>()
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

  check(): ViolationDetail | undefined {
    const { stepsMax, verdicts } = this.#options
    const order = [...this.#applied.values()].sort((one, other) => one.index - other.index)
    const calls = this.#history.calls.filter(
      // A write that no machine applied cannot have affected any result.
      ({ answer, operation }) => answer?.type === 'ok' || this.#applied.has(operation.what.text),
    )
    const queries = calls
      .filter(({ operation }) => operation.type === 'query')
      .map(({ operation }) => operation.what.text)
    const outcome = checkLinearizable(modelOf(this.#options, order, queries), calls, { stepsMax })
    if (outcome.verdict === 'violated') return { text: outcome.explanation, html: () => outcome.html() }
    verdicts[outcome.verdict]++
    return undefined
  }

  #begin({ call, node, what, command }: Observation & { readonly type: 'invoked' }): void {
    if (what === 'fresh read' || (what === 'read' && !this.#options.hasQueries)) return
    const { texts } = this.#options
    const type = what === 'write' ? 'apply' : 'query'
    const show = (name: string): string => (type === 'apply' ? texts.command(name) : texts.query(name))
    this.#open.set(call, this.#history.call(node, { type, what: new ShownText(command, show) }))
    this.#types.set(call, type)
  }

  #end({ call, outcome, result }: Observation & { readonly type: 'returned' }): void {
    const open = this.#open.get(call)
    if (outcome === 'not-applied') open?.rejected()
    // A command may be applied without a result for its caller.
    else if (outcome === 'unknown' || result === undefined) open?.unknown()
    else open?.ok(shownResult(this.#options.texts, this.#types.get(call) ?? 'apply', result))
  }
}

const OUT_OF_ORDER = new ShownText('no result: the command is not the next one in the log', String)

function shownResult(texts: MachineTexts, type: Operation['type'], result: string): ShownText {
  return new ShownText(result, (text) => (type === 'apply' ? texts.result(text) : texts.answer(text)))
}

/** The state of the model is the number of applied commands. All results and answers are computed in advance. */
function modelOf(
  { machine, texts }: MachineLinearizabilityOptions,
  order: readonly Applied[],
  queries: readonly string[],
): Model<number, Operation, ShownText> {
  const instance = machine.make()
  const positions = new Map(order.map(({ command }, position) => [command, position]))
  const answers = [answersOf(instance, queries)]
  const results = order.map(({ command, index, term }) => {
    const result = instance.apply(Number(command.slice(1)), { index, term, machineVersion: 1 })
    answers.push(answersOf(instance, queries))
    return result
  })
  return {
    initial: () => 0,
    step(applied, { type, what }) {
      const shown = (result: string | undefined): ShownText => shownResult(texts, type, result ?? '')
      if (type === 'query') return { state: applied, result: shown(answers[applied]?.get(what.text)) }
      if (positions.get(what.text) !== applied) return { state: applied, result: OUT_OF_ORDER }
      return { state: applied + 1, result: shown(results[applied]) }
    },
    equal: (returned, modelled) => returned.text === modelled.text,
    hash: String,
    changesNothing: ({ type }) => type === 'query',
  }
}

function answersOf(machine: CheckedMachine, queries: readonly string[]): ReadonlyMap<string, string> {
  return new Map(queries.map((query) => [query, machine.query?.(Number(query.slice(1))) ?? '']))
}
