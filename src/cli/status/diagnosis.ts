/** Says why a cluster has no leader, or what makes it slow or fragile, from the statuses of all its nodes. */
import type { Alarm, QueueStatus } from '../../contracts/node-service.ts'
import type { NodeId } from '../../core/types.ts'
import type { NodeRow, StatusReport } from './status-report.ts'

/** A node that is fewer entries behind is not reported: under load each follower is some entries behind. */
const LAG_ENTRIES_MIN = 1000

/** A shorter turn of the event loop is not reported. */
const LOOP_DELAY_MS_MIN = 1000

/** Shorter writes and responses are not reported: a busy disk or machine has some of them. */
const SLOW_MS_MIN = 250

/** A queue that is less full is not reported. */
const FULL_MIN = 0.9

/** One cause, and what to do about it. */
export interface Finding {
  readonly code: FindingCode
  /** The node it is about. */
  readonly node: NodeId
  /** The other node, if it is about a connection, or if the alarm has one. */
  readonly peer: NodeId | undefined
  readonly message: string
  /** What to do; undefined if the message says it, or if nothing is to be done. */
  readonly next: string | undefined
}

export type FindingCode =
  | 'down'
  | 'stopped'
  | 'lost entries'
  | 'not connected'
  | 'silent'
  | 'snapshot'
  | 'behind'
  | 'applying behind'
  | 'busy'
  | 'slow disk'
  | 'slow response'
  | 'overloaded'
  | 'not a member'
  | 'alarm'

export interface Diagnosis {
  readonly schema: 'quorate.why/v1'
  readonly cluster: string
  readonly leader: NodeId | undefined
  readonly hasQuorum: boolean
  /** What the state of the cluster is, in one or two sentences. */
  readonly summary: string
  readonly findings: readonly Finding[]
}

export function diagnose(report: StatusReport): Diagnosis {
  const { cluster, leader, hasQuorum, nodes } = report
  const findings = [
    ...nodes.flatMap((node) => failuresOf(node, report)),
    ...cuts(nodes),
    ...nodes.flatMap((node) => delaysOf(node, report)),
    ...nodes.flatMap(({ id, alarms }) => alarms.map((alarm) => alarmOf(id, alarm))),
  ]
  return { schema: 'quorate.why/v1', cluster, leader, hasQuorum, summary: summaryOf(report, findings), findings }
}

/** One paragraph. */
export function formatDiagnosis({ summary, findings }: Diagnosis): string {
  const messages = findings.map(({ message }) => sentence(message))
  const steps = [...new Set(findings.flatMap(({ next }) => (next === undefined ? [] : [next])))]
  const next = steps.length === 0 ? [] : [sentence(`Next: ${steps.join('; ')}`)]
  return `${[summary, ...messages, ...next].join(' ')}\n`
}

function sentence(text: string): string {
  return /[.!?]$/.test(text) ? text : `${text}.`
}

function summaryOf(report: StatusReport, findings: readonly Finding[]): string {
  const { leader, term, voters, votersUp, hasQuorum, toleratesFailures, isMembershipChanging, nodes } = report
  const changing = isMembershipChanging
    ? ' The membership is changing: during a joint change, the old and the new voters each need a majority.'
    : ''
  const needed = `a quorum needs ${Math.floor(voters / 2) + 1} of ${voters}`
  if (leader !== undefined) {
    const failures = toleratesFailures === 1 ? '1 failure' : `${toleratesFailures} failures`
    const state = `${leader} leads term ${term}, ${votersUp} of ${voters} voters replicate, and the cluster tolerates ${failures}.`
    return `${findings.length === 0 ? 'No fault found: ' : ''}${state}${changing}`
  }
  const rejecting = nodes.filter((node) => node.kind === 'voter' && node.problem === 'not authorized')
  if (!hasQuorum && votersUp + rejecting.length > voters / 2) {
    const ids = listOf(rejecting.map(({ id }) => id))
    return `No leader is known: ${votersUp} of ${voters} voters answer, and ${ids} may have a leader, but do not accept this command.${changing}`
  }
  if (!hasQuorum) return `No leader: ${votersUp} of ${voters} voters run and answer, and ${needed}.${changing}`
  const election =
    findings.length > 0
      ? ''
      : ' No fault found: an election is probably in progress. Run the command again in some seconds; if there is still no leader, the election timeout is too short for the disks and the network.'
  return `No leader, although ${votersUp} of ${voters} voters run and answer (${needed}).${changing}${election}`
}

/** Why the node takes no part. */
function failuresOf(node: NodeRow, report: StatusReport): Finding[] {
  const { id } = node
  if (node.hasLostEntries) {
    const message = `${id} has lost entries that it acknowledged, and counts towards no quorum`
    const next = `remove ${id} (quorate member remove ${id}) and add it again with an empty directory`
    return [finding('lost entries', id, message, next)]
  }
  if (node.stopped !== undefined) {
    const message = `${id} has stopped: ${node.stopped}`
    return [finding('stopped', id, message, `remove the cause and restart ${id}; its log says more`)]
  }
  if (!node.isReachable) return [unreachable(node, report)]
  if (node.kind !== 'not a member') return []
  if (node.wasRemoved) {
    const next = `stop ${id}; to use its machine again, add ${id} and start it with --join and a new --data-dir`
    return [finding('not a member', id, `${id} runs, but was removed`, next)]
  }
  return [finding('not a member', id, `${id} runs, but is not a member`, `add ${id} (quorate member add), or stop it`)]
}

function unreachable(node: NodeRow, { nodes }: StatusReport): Finding {
  const { id, address, kind, problem = 'unreachable' } = node
  const name = kind === 'learner' ? `the learner ${id}` : id
  const witnesses = nodes.filter(({ connected }) => connected?.includes(id) === true).map((each) => each.id)
  if (witnesses.length > 0) {
    const message = `${name} does not answer at ${address} (${problem}), but ${listOf(witnesses)} ${witnesses.length === 1 ? 'has' : 'have'} a connection to it: it hangs, or cannot be reached from here`
    return finding('down', id, message, `find out whether the process of ${id} hangs, and open ${address} from here`)
  }
  if (problem.startsWith('cluster ')) {
    const message = `at ${address}, the address of ${id}, a node of another cluster answers (${problem})`
    return finding('down', id, message, `start ${id} of this cluster at ${address}, or correct its address`)
  }
  if (problem === 'not authorized') {
    const message = `${name} runs at ${address}, but it and this command do not accept each other (not authorized)`
    const next = `give this command a certificate, token or secret that ${id} accepts; if the others accept it, correct those of ${id}`
    return finding('down', id, message, next)
  }
  if (['unreachable', 'closed at once'].includes(problem) && nodes.some((each) => refuses(each, node))) {
    const message = `${name} does not serve this command at ${address} (${problem}), and is refused by others`
    return finding('down', id, message, `correct ${id} as the alarms say, and restart it`)
  }
  const isDown = problem === 'refused'
  const message = isDown
    ? `${name} is down (${address} refuses connections)`
    : `${name} does not answer at ${address} (${problem})`
  const isOpen = problem === 'closed at once' ? 'is its port, and no other one' : 'is open'
  const start = isDown ? `start ${id}` : `find out whether ${id} and its machine run, and whether ${address} ${isOpen}`
  return finding('down', id, message, nodes.some((each) => refusesDirectory(each, id)) ? replacement(node) : start)
}

/** Whether the node has refused the data directory of a member, which has not come with another one since. */
function refusesDirectory({ alarms }: NodeRow, id: NodeId): boolean {
  return alarms.some(({ code, peer }) => code === 'DIRECTORY_REFUSED' && peer === id)
}

function replacement({ id, address }: NodeRow): string {
  const steps = `quorate member remove ${id} --yes; quorate member add ${id} ${address}; then start ${id} with --join and a new --data-dir`
  return `start ${id} with its current data directory, or replace it: ${steps}`
}

/** Pairs of running members of which at least one is not connected to the other, as each of them says. */
function cuts(nodes: readonly NodeRow[]): Finding[] {
  const running = nodes.filter((node) => isRunning(node) && node.kind !== 'not a member')
  return running.flatMap((one, index) =>
    running.slice(index + 1).flatMap((other) => {
      const to = one.connected?.includes(other.id) ?? true
      const from = other.connected?.includes(one.id) ?? true
      if (to && from) return []
      const [node, peer] = to ? [other, one] : [one, other]
      const state = (isConnected: boolean) => (isConnected ? 'ok' : 'not connected')
      const message = `${one.id} and ${other.id} cannot reach each other (${one.id}->${other.id} ${state(to)}, ${other.id}->${one.id} ${state(from)})`
      if (refuses(one, other) || refuses(other, one))
        return [finding('not connected', node.id, message, undefined, peer.id)]
      const both = to || from ? '' : `, or ${node.address} from ${peer.id}`
      return [finding('not connected', node.id, message, `open ${peer.address} from ${node.id}${both}`, peer.id)]
    }),
  )
}

/** Whether the network is not the cause: an alarm of the node says why the other one, which answers, and it are not connected. */
function refuses({ alarms }: NodeRow, { id }: NodeRow): boolean {
  return alarms.some(({ code, peer }) => code === 'PEER_REFUSED' && peer === id)
}

/** Why a running member is behind the leader. */
function delaysOf(node: NodeRow, { leader, nodes }: StatusReport): Finding[] {
  if (!isRunning(node)) return []
  const { id, lag = 0, applyLag = 0, loopDelayMs = 0 } = node
  const found: Finding[] = []
  const isCut = nodes.some((each) => each.id === leader && each.connected?.includes(id) === false)
  if (node.peerState === 'snapshot')
    found.push(
      finding(
        'snapshot',
        id,
        `${id} needs the leader's snapshot and is ${lag} entries behind`,
        `wait until ${id} has restored it`,
      ),
    )
  else if (node.isReplicating === false && !isCut && node.kind !== 'not a member' && !node.hasLostEntries) {
    const last = node.silentMs === undefined ? 'none in this term' : `${node.silentMs} ms ago`
    const message = `${id} answers here, but has accepted nothing from the leader within an election timeout (last response: ${last})`
    found.push(finding('silent', id, message, `check the network between ${leader} and ${id} in both directions`))
  } else if (lag >= LAG_ENTRIES_MIN) {
    const message = `${id} is ${lag} entries behind the leader`
    found.push(finding('behind', id, message, `compare the disk and the network of ${id} with those of the others`))
  }
  if (applyLag >= LAG_ENTRIES_MIN) {
    const message = `${id} has not applied ${applyLag} committed entries: its state machine is slow, or restores a snapshot`
    found.push(finding('applying behind', id, message, `wait, and measure apply on ${id} if it does not catch up`))
  }
  if (loopDelayMs >= LOOP_DELAY_MS_MIN) {
    const message = `the event loop of ${id} was blocked for ${Math.round(loopDelayMs)} ms`
    found.push(finding('busy', id, message, `find what blocks the process of ${id}`))
  }
  return [...found, ...slownessOf(node), ...node.queues.flatMap((queue) => fullQueue(id, queue))]
}

/** Why writes take long at a node that takes part. */
function slownessOf({ id, timing, responseMs = 0, loopDelayMs = 0 }: NodeRow): Finding[] {
  const found: Finding[] = []
  const writeMs = timing?.writeMs ?? 0
  if (writeMs >= SLOW_MS_MIN) {
    const message = `the slowest recent durable write of ${id} took ${Math.round(writeMs)} ms`
    found.push(finding('slow disk', id, message, `find what else uses the disk of ${id}, or give it a faster one`))
  }
  // What the response waited for is reported already.
  if (responseMs >= SLOW_MS_MIN && responseMs > 2 * Math.max(writeMs, loopDelayMs)) {
    const message = `${id} took up to ${responseMs} ms to respond to the leader`
    found.push(finding('slow response', id, message, `measure the network between ${id} and the leader`))
  }
  return found
}

function fullQueue(id: NodeId, { limit, peer, used, max }: QueueStatus): Finding[] {
  // The window to a follower is full whenever there is enough to send, and old results are dropped.
  const isUsual = limit.startsWith('inflight') || limit.startsWith('sessionResult')
  if (isUsual || max === 0 || used < FULL_MIN * max) return []
  const about = peer === undefined ? '' : ` for ${peer}`
  const message = `${limit} of ${id}${about} is reached or close (${used} of ${max}): ${beyondLimit(limit)}`
  return [finding('overloaded', id, message, `load ${id} less, or raise ${limit}`, peer)]
}

function beyondLimit(limit: string): string {
  if (limit === 'sessionsMax') return 'the sessions that were idle longest are removed'
  const isOfCalls = limit.startsWith('pending') || limit === 'changeReadersMax'
  return isOfCalls ? 'further calls are rejected' : 'further messages are dropped, and sent again later'
}

function alarmOf(node: NodeId, { code, peer, forMs, message }: Alarm): Finding {
  const about = peer === undefined ? '' : ` about ${peer}`
  const text = `alarm of ${node}${about} for ${Math.round(forMs / 1000)} s: ${code}: ${message}`
  return finding('alarm', node, text, undefined, peer)
}

function isRunning(node: NodeRow): boolean {
  return node.isReachable && node.stopped === undefined
}

function finding(code: FindingCode, node: NodeId, message: string, next: string | undefined, peer?: NodeId): Finding {
  return { code, node, peer, message, next }
}

function listOf(ids: readonly NodeId[]): string {
  return ids.length < 2 ? ids.join('') : `${ids.slice(0, -1).join(', ')} and ${ids.at(-1)}`
}
