/** The autopilot removes only voters that are dead, and keeps the target number of them. */
import type { MembershipChange } from '../../core/inputs.ts'
import type { Instant, NodeId } from '../../core/types.ts'
import type { NodeView } from './cluster-view.ts'
import type { Observation } from './observation.ts'
import type { Property } from './property.ts'

interface Limits {
  readonly deadMs: number
  readonly votersMin: number
}

type Step = Observation & { readonly type: 'stepped' }

export const autopilotSafety: Property = {
  id: 'I24',
  name: 'autopilot safety',
  statement:
    'The autopilot removes no voter that has answered the leader within autopilotDeadMs, and takes the number of voters to no less than autopilotVotersMin.',
  observes: ['started', 'stepped'],
  watch(view) {
    const leaders = new Map<NodeId, { readonly limits: Limits; readonly answeredAt: Map<NodeId, Instant> }>()
    return (observation) => {
      if (observation.type === 'started') {
        const { node, autopilot: limits } = observation
        if (limits === undefined) leaders.delete(node)
        else leaders.set(node, { limits, answeredAt: new Map() })
      }
      if (observation.type !== 'stepped') return undefined
      const leader = leaders.get(observation.node)
      if (leader === undefined) return undefined
      recordAnswers(observation, leader.answeredAt)
      for (const change of conditionalChanges(observation)) {
        const violation = checkChange(change, view.node(observation.node), leader.limits, (voter) => {
          const answeredAt = leader.answeredAt.get(voter)
          return answeredAt === undefined ? Infinity : (observation.now ?? Infinity) - answeredAt
        })
        if (violation !== undefined) return `${observation.node} ${violation}`
      }
      return undefined
    }
  },
}

function recordAnswers({ inputs, status, now }: Step, answeredAt: Map<NodeId, Instant>): void {
  for (const input of inputs) {
    if (input.type !== 'receive' || input.message.term !== status.term || now === undefined) continue
    const { type } = input.message
    if (type === 'AppendEntriesResponse' || type === 'InstallSnapshotResponse') answeredAt.set(input.from, now)
  }
}

/** The changes that only the autopilot requests in a simulation: those that depend on the membership, and were not rejected at once. */
function conditionalChanges({ inputs, effects }: Step): MembershipChange[] {
  // Nearly all steps have none.
  if (!inputs.some(({ type }) => type === 'changeMembership')) return []
  const rejected = new Set(effects.settle.flatMap((one) => (one.type === 'changeRejected' ? [one.request] : [])))
  return inputs.flatMap((input) =>
    input.type === 'changeMembership' && input.change.ifIndex !== undefined && !rejected.has(input.request)
      ? [input.change]
      : [],
  )
}

function checkChange(
  { ifIndex, remove = [], promote = [] }: MembershipChange,
  { before, membershipBefore }: NodeView,
  { deadMs, votersMin }: Limits,
  silenceOf: (voter: NodeId) => number,
): string | undefined {
  if (before?.membershipIndex !== ifIndex) return undefined
  const { voters } = membershipBefore
  const left = voters.filter((id) => !remove.includes(id)).length + promote.length
  if (left < Math.min(votersMin, voters.length))
    return `removes ${remove} from the voters ${voters} and promotes '${promote}', so that fewer than ${votersMin} are left.`
  const living = remove.find((id) => silenceOf(id) < deadMs)
  return living === undefined ? undefined : `removes ${living}, which answered ${silenceOf(living)} ms ago.`
}
