/** `quorate replay --step`: reads commands from standard input between the events of a run. */
import { createInterface } from 'node:readline'
import { inspect } from 'node:util'
import type { SimulationStep, StepObserver } from '../../testing/simulation/step-observer.ts'
import type { NodeState } from '../../testing/simulation/world-state.ts'
import type { Terminal } from '../terminal.ts'

const HELP =
  'Enter: run to the next line of the trace; n COUNT: run COUNT events; p NODE: print a node; g: run to the end; q: stop here\n'

export interface Stepper {
  readonly observer: StepObserver
  /** Stops reading standard input. */
  end(): void
}

/** Reads one command per line. At the end of the input the run continues to its end. */
export function createStepper(terminal: Terminal): Stepper {
  const lines = createInterface({ input: process.stdin })
  const inputLines = lines[Symbol.asyncIterator]()
  let shown = 0
  /** No command is read before this event. */
  let nextEvent = 0
  const show = (step: SimulationStep): boolean => {
    const newLines = step.traceLines.slice(shown)
    shown = step.traceLines.length
    if (newLines.length > 0) terminal.out(`${newLines.join('\n')}\n`)
    return newLines.length > 0
  }
  terminal.err(HELP)
  const observer: StepObserver = async (step) => {
    const hasNewLines = show(step)
    if (step.isOver || step.event < nextEvent || (nextEvent === 0 && !hasNewLines)) return 'continue'
    for (;;) {
      if (terminal.isTty) terminal.err(`event ${step.event} > `)
      const { value, done } = await inputLines.next()
      const [word = '', argument = ''] = done === true ? ['g'] : (value as string).trim().split(/\s+/)
      if (word === 'q') return 'stop'
      if (word === 'p') terminal.out(await nodeText(step, argument))
      else if (word === '' || word === 'n' || word === 'g') {
        nextEvent = word === '' ? 0 : word === 'g' ? Infinity : step.event + Math.max(1, Number(argument) || 1)
        return 'continue'
      } else terminal.err(HELP)
    }
  }
  return { observer, end: () => lines.close() }
}

async function nodeText(step: SimulationStep, id: string): Promise<string> {
  const { nodes } = await step.state()
  const node = nodes.find((each) => each.id === id)
  if (node === undefined) return `there is no node '${id}'; there are ${nodes.map((each) => each.id).join(', ')}\n`
  return `${formatNode(node)}\n`
}

/** The full state of a node as text. */
export function formatNode(node: NodeState): string {
  return inspect(node, { depth: null, breakLength: 120, compact: 3, maxArrayLength: null })
}
