/** Chooses the symbol for what an observation of a node shows: the most important change. */
import type { RaftEvent } from '../../core/events.ts'
import type { RaftStatus } from '../../core/status.ts'
import type { NodeId } from '../../core/types.ts'
import type { Mark } from '../../lane-diagram/diagram.ts'
import type { Observation } from '../properties/observation.ts'

export interface ChangeMark {
  readonly mark: Mark
  readonly label: string
  /** The text of the step, if the trace has no line for it. */
  readonly text: string
}

/** Events with a symbol, most important first. */
const MARK_OF_EVENT: readonly (readonly [RaftEvent['type'], Mark])[] = [
  ['diverged', 'stop'],
  ['otherState', 'stop'],
  ['storageFailed', 'stop'],
  ['becameLeader', 'leader'],
  ['steppedDown', 'step-down'],
  ['snapshotInstalled', 'install'],
  ['logTruncated', 'truncate'],
  ['campaignStarted', 'campaign'],
  ['preVoteStarted', 'campaign'],
  ['membershipCommitted', 'membership'],
  ['membershipReverted', 'membership'],
  ['membershipAdopted', 'membership'],
  ['removed', 'membership'],
]

export class ChangeMarks {
  readonly #statuses = new Map<NodeId, RaftStatus>()

  /** Undefined if nothing gets a symbol. */
  of(observation: Observation): ChangeMark | undefined {
    switch (observation.type) {
      case 'started':
        this.#statuses.delete(observation.node)
        return { mark: 'start', label: '', text: 'starts' }
      case 'crashed':
        this.#statuses.delete(observation.node)
        return { mark: 'crash', label: '', text: 'crashes' }
      case 'wiped':
        return { mark: 'fault', label: 'wiped', text: 'has an empty data directory' }
      case 'rolledBack':
        return { mark: 'fault', label: 'rolled back', text: 'has an older copy of its data directory' }
      case 'restored':
        return { mark: 'install', label: String(observation.index), text: `is restored up to ${observation.index}` }
      case 'stepped':
        return this.#ofStep(observation)
      default:
        return undefined
    }
  }

  #ofStep({ node, effects, status }: Observation & { type: 'stepped' }): ChangeMark | undefined {
    const before = this.#statuses.get(node)
    this.#statuses.set(node, status)
    const types = new Set(effects.events.map(({ type }) => type))
    const found = MARK_OF_EVENT.find(([type]) => types.has(type))
    if (found !== undefined) {
      const [type, mark] = found
      const label = mark === 'leader' || mark === 'campaign' ? String(status.term) : ''
      return { mark, label, text: type }
    }
    if (before === undefined || status.commitIndex <= before.commitIndex) return undefined
    return { mark: 'commit', label: String(status.commitIndex), text: `commits up to ${status.commitIndex}` }
  }
}
