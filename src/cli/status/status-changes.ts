/** What has changed between two reports of a cluster, one line each. */
import type { NodeRow, StatusReport } from './status-report.ts'

/** Every difference that an operator wants to know; indexes and delays change all the time and are left out. */
export function statusChanges(before: StatusReport, after: StatusReport): string[] {
  const lines: string[] = []
  if (before.leader !== after.leader)
    lines.push(
      after.leader === undefined
        ? `no leader (term ${after.term})`
        : `${after.leader} leads term ${after.term}${before.leader === undefined ? '' : `, after ${before.leader}`}`,
    )
  else if (before.term !== after.term) lines.push(`term ${after.term}`)
  if (before.toleratesFailures !== after.toleratesFailures || before.hasQuorum !== after.hasQuorum)
    lines.push(
      after.hasQuorum
        ? `${after.votersUp} of ${after.voters} voters up: tolerates ${after.toleratesFailures} ${after.toleratesFailures === 1 ? 'failure' : 'failures'}`
        : `${after.votersUp} of ${after.voters} voters up: no quorum`,
    )
  for (const node of after.nodes)
    lines.push(
      ...nodeChanges(
        before.nodes.find(({ id }) => id === node.id),
        node,
      ),
    )
  for (const { id } of before.nodes)
    if (after.nodes.every((node) => node.id !== id)) lines.push(`${id} is no longer a member`)
  return lines
}

function nodeChanges(before: NodeRow | undefined, after: NodeRow): string[] {
  const { id } = after
  if (before === undefined) return [`${id} is ${kindText(after)} at ${after.address}`]
  const lines: string[] = []
  if (before.kind !== after.kind) lines.push(`${id} is ${kindText(after)}`)
  if (before.recordedAddress !== after.recordedAddress) lines.push(`${id} is recorded at ${after.recordedAddress}`)
  if (before.isReachable !== after.isReachable)
    lines.push(after.isReachable ? `${id} answers` : `${id} does not answer (${after.problem})`)
  if (before.isReplicating !== after.isReplicating && after.isReplicating !== undefined)
    lines.push(after.isReplicating ? `${id} replicates` : `${id} does not replicate`)
  if (before.stopped !== after.stopped && after.stopped !== undefined) lines.push(`${id} has stopped: ${after.stopped}`)
  if (before.version !== after.version && before.version !== undefined && after.version !== undefined)
    lines.push(`${id} runs ${after.version}, before ${before.version}`)
  const names = ({ alarms }: NodeRow): Map<string, string> =>
    new Map(alarms.map(({ code, peer, message }) => [`${code}${peer === undefined ? '' : ` about ${peer}`}`, message]))
  const [old, current] = [names(before), names(after)]
  for (const [name, message] of current) if (!old.has(name)) lines.push(`alarm of ${id}: ${name}: ${message}`)
  for (const name of old.keys()) if (!current.has(name)) lines.push(`alarm of ${id} has ended: ${name}`)
  return lines
}

function kindText({ kind }: NodeRow): string {
  return kind === 'not a member' ? kind : `a ${kind}`
}
