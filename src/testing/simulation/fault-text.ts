/** Faults in words, for traces, diagrams and reports. */
import type { DamagedPart } from './damage.ts'
import type { Fault } from './faults.ts'
import type { NetworkConditions } from './network-conditions.ts'
import { LEADER } from './workload.ts'

/** A fault as one line of a report, with its type and start first, as in a plan. */
export function formatFault(fault: Fault): string {
  return `${fault.type} at ${fault.atMs} ms: ${describeFault(fault)}`
}

const PARTS: Readonly<Record<DamagedPart, string>> = {
  log: 'a bit of its log flips',
  hardState: 'its term and vote are damaged',
  snapshot: 'a bit of its snapshot flips',
  snapshotFile: 'the file of its snapshot disappears',
}

/** What happens, without its start. */
export function describeFault(fault: Fault): string {
  switch (fault.type) {
    case 'crash':
      return `${nameOf(fault.node)} crashes for ${fault.forMs} ms; ${lostWrites(fault.isHard)}`
    case 'crashAtCall':
      return `${nameOf(fault.node)} crashes ${fault.when} disk call ${fault.call} from now, for ${fault.forMs} ms`
    case 'powerCut':
      return `${namesOf(fault.nodes)} lose power for ${fault.forMs} ms; ${lostWrites(fault.isHard)}`
    case 'restarts':
      return `${nameOf(fault.node)} is killed ${times(fault.times)}, each time ${fault.gapUs / 1000} ms after its start`
    case 'switches':
      return `${nameOf(fault.node)} restarts with preVote ${onOff(fault.preVote)} and checkQuorum ${onOff(fault.checkQuorum)}`
    case 'upgrade':
      return `${nameOf(fault.node)} restarts with a state machine of version ${fault.machineVersion}`
    case 'prefer':
      return `${nameOf(fault.node)} restarts with leaderPriority ${fault.leaderPriority}`
    case 'partition':
      return `${namesOf(fault.side)} cannot reach the others for ${fault.forMs} ms`
    case 'cut':
      return `messages from ${nameOf(fault.from)} to ${nameOf(fault.to)} are lost for ${fault.forMs} ms`
    case 'flap':
      return `${namesOf(fault.side)} lose and regain the others every ${fault.everyMs} ms, for ${fault.forMs} ms`
    case 'passOnly':
      return `only ${fault.message} arrives from ${nameOf(fault.from)} at ${nameOf(fault.to)}, for ${fault.forMs} ms`
    case 'reset':
      return `the connection of ${nameOf(fault.a)} and ${nameOf(fault.b)} breaks`
    case 'networkConditions':
      return `${describeConditions(fault.conditions)}, for ${fault.forMs} ms`
    case 'slowDisk':
      return `a sync of ${nameOf(fault.node)} takes ${fault.syncMs / 2} to ${fault.syncMs} ms, for ${fault.forMs} ms`
    case 'failDisk':
      return `every write of ${nameOf(fault.node)} fails for ${fault.forMs} ms`
    case 'misread':
      return `every read of ${nameOf(fault.node)} has a flipped bit for ${fault.forMs} ms`
    case 'fullDisk':
      return `${fault.leftBytes} bytes are left on the disk of ${nameOf(fault.node)}, for ${fault.forMs} ms`
    case 'wipeDisk':
      return `${nameOf(fault.node)} loses its data`
    case 'rot':
      return `${nameOf(fault.node)}: ${PARTS[fault.part]} (place ${fault.place})`
    case 'changeCommand':
      return `a stored command of ${nameOf(fault.node)} changes (place ${fault.place})`
    case 'rollBackDisk':
      return `${nameOf(fault.node)} restarts with its data of ${fault.ageMs} ms ago`
    case 'cloneDisk':
      return `a second ${nameOf(fault.node)} starts with its data of ${fault.ageMs} ms ago, for ${fault.forMs} ms; ${namesOf(fault.side)} reach it first, and it swaps with the original every ${fault.swapMs} ms`
    case 'pause':
      return `${nameOf(fault.node)} does not run for ${fault.forMs} ms`
    case 'stall':
      return `${nameOf(fault.node)} does not run for ${fault.forMs} ms, from its next decision to send`
    case 'drift':
      return `the clock of ${nameOf(fault.node)} runs at ${fault.ratePerMille / 10} % of real speed for ${fault.forMs} ms`
    case 'missing':
      return `${nameOf(fault.node)} is ${fault.how} until the other faults are over and the cluster has made progress`
  }
}

function describeConditions(conditions: NetworkConditions): string {
  const { delayMinUs, delayMaxUs, lossPerMille, duplicatePerMille, slowPerMille, stalePerMille, isOrdered } = conditions
  const shares = [
    [lossPerMille, 'are lost'],
    [duplicatePerMille, 'arrive twice'],
    [slowPerMille, 'take ten times as long'],
    [stalePerMille, 'arrive again later'],
  ] as const
  return [
    `messages take ${delayMinUs / 1000} to ${delayMaxUs / 1000} ms`,
    ...shares.filter(([share]) => share > 0).map(([share, what]) => `${share / 10} % ${what}`),
    ...(isOrdered ? [] : ['their order may change']),
  ].join(', ')
}

function nameOf(node: number): string {
  return node === LEADER ? 'the leader' : `n${node}`
}

function namesOf(nodes: readonly number[]): string {
  const names = nodes.map(nameOf)
  return names.length < 2 ? (names[0] ?? 'no node') : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`
}

function lostWrites(isHard: boolean): string {
  return isHard ? 'unsynced writes are lost' : 'some unsynced writes survive'
}

function times(count: number): string {
  return count === 1 ? 'once' : `${count} times`
}

function onOff(isOn: boolean): string {
  return isOn ? 'on' : 'off'
}
