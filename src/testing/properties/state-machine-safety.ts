/** State Machine Safety (Figure 3), checked on the state machines. */
import type { LogIndex, NodeId, Term } from '../../core/types.ts'
import type { MachineTexts } from './machine-texts.ts'
import type { Observation } from './observation.ts'
import type { Property } from './property.ts'

interface AppliedCommand {
  readonly node: NodeId
  readonly term: Term
  readonly command: string
  readonly result: string | undefined
}

export const stateMachineSafety: Property = {
  id: 'I5',
  name: 'state machine safety',
  statement:
    'Every state machine applies the same command at an index, applies commands in order, and applies each once per start of its node.',
  observes: ['applied', 'ended', 'restored', 'started'],
  watch({ texts }) {
    const entries = new Map<LogIndex, AppliedCommand>()
    const applied = new Map<NodeId, LogIndex>()
    const states = new Map<string, { readonly node: NodeId; readonly state: string }>()
    return (observation) => {
      if (observation.type === 'started') applied.set(observation.node, 0)
      if (observation.type === 'restored') applied.set(observation.node, observation.index)
      if (observation.type === 'ended') return checkFinalState(states, observation, texts)
      if (observation.type !== 'applied') return undefined
      const { node, index, term, command, result } = observation
      const last = applied.get(node) ?? 0
      if (index <= last) return `${node} applied index ${index} after ${last}.`
      for (let between = last + 1; between < index; between++)
        if (entries.has(between))
          return `${node} applied index ${index} after ${last}, without the command at ${between}.`
      applied.set(node, index)
      const other = entries.get(index)
      if (other === undefined) entries.set(index, { node, term, command, result })
      else if (other.term !== term || other.command !== command)
        return `at index ${index}, ${other.node} applied ${texts.command(other.command)} of term ${other.term}, and ${node} applied ${texts.command(command)} of term ${term}.`
      else if (other.result !== result) {
        const [before, now] = texts.results(other.result ?? '', result ?? '')
        return `at index ${index}, ${texts.command(command)} returned ${before} on ${other.node} and ${now} on ${node}.`
      }
      return undefined
    }
  },
}

/** Machines that applied the same commands must have the same state. */
function checkFinalState(
  states: Map<string, { readonly node: NodeId; readonly state: string }>,
  { node, commands, state }: Observation & { readonly type: 'ended' },
  texts: MachineTexts,
): string | undefined {
  if (state === undefined) return undefined
  const applied = [...commands].join(' ')
  const other = states.get(applied)
  if (other === undefined) states.set(applied, { node, state })
  else if (other.state !== state) {
    const [own, others] = texts.states?.(state, other.state) ?? []
    const what =
      own === undefined ? `differs from that of ${other.node}` : `is ${own}, and that of ${other.node} is ${others}`
    return `after the same ${commands.size} commands the snapshot of ${node} ${what}.`
  }
  return undefined
}
