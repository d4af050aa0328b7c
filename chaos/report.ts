/** Formats the report of a run. */
import type { ChaosOutcome } from './run.ts'

export function hasPassed({ verdict, unexpectedOutcome }: ChaosOutcome): boolean {
  return verdict.verdict === 'linearizable' && unexpectedOutcome === undefined
}

/** `logged`: the counted events of the nodes' logs. */
export function formatReport(outcome: ChaosOutcome, logged?: string): string {
  const { nemesis, keys, longestGap, tookMs, digests, unexpectedOutcome, hasTinyDisk } = outcome
  const calls = { ok: 0, rejected: 0, unknown: 0 }
  for (const { history } of keys) for (const { answer } of history) calls[answer?.type ?? 'unknown']++
  const faults = [...nemesis.counts].sort(([a], [b]) => (a < b ? -1 : 1))
  const total = faults.reduce((sum, [, count]) => sum + count, 0)
  const gap = `${seconds(longestGap.ms)}, until ${seconds(longestGap.until)}: ${nemesis.faultAt(longestGap.until)}`
  return [
    `took          ${seconds(tookMs)}`,
    `faults        ${total}: ${faults.map(([kind, count]) => `${kind} ${count}`).join(', ')}`,
    ...(hasTinyDisk ? [] : ['              (no full disks: no file system can be mounted here)']),
    `calls         ${calls.ok} ok, ${calls.rejected} rejected, ${calls.unknown} unknown, on ${keys.length} keys`,
    `write gap     at most ${gap}`,
    `nodes         ${digests.length === 0 ? 'not compared' : `${digests.length} equal: ${digests[0]}`}`,
    ...(logged === undefined ? [] : [`logged        ${logged}`]),
    ...(unexpectedOutcome === undefined ? [] : [`unexpected    ${unexpectedOutcome}`]),
    `verdict       ${formatVerdict(outcome)}`,
  ].join('\n')
}

function formatVerdict({ verdict }: ChaosOutcome): string {
  if (verdict.verdict === 'linearizable') return `linearizable (${verdict.steps} steps of the model)`
  if (verdict.verdict === 'undecided') return `undecided: the limit of work was reached for ${verdict.keys.join(', ')}`
  return `not linearizable\n\n${verdict.explanation}`
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`
}
