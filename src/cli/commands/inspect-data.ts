/** `quorate data inspect`, `verify` and `log dump`: what the data directory of a stopped node contains. */
import { basename } from 'node:path'
import type { LogIndex, Membership } from '../../core/types.ts'
import { ENGINE_TITLES } from '../../data-directory/data-directory.ts'
import type { DirectoryReport, StoredEntry } from '../../data-directory/inspect.ts'
import { inspectDataDirectory, readDataDirectoryLog } from '../../operations/inspect-data-directory.ts'
import { EXIT } from '../exit-codes.ts'
import { progressBar } from '../progress-bar.ts'
import type { Terminal } from '../terminal.ts'

export interface InspectFlags {
  readonly output: 'text' | 'json'
}

export interface DumpFlags extends InspectFlags {
  readonly from?: number
  readonly to?: number
}

/** A longer command is cut in text. */
const SHOWN_BYTES = 120

/** Returns the exit code: that of a node that refuses to start if there is damage. */
export async function inspectData(path: string, flags: InspectFlags, terminal: Terminal): Promise<number> {
  const report = await inspectDataDirectory({ directory: path })
  return printReport(report, flags, terminal)
}

export async function verifyData(path: string, flags: InspectFlags, terminal: Terminal): Promise<number> {
  const bar = progressBar(flags.output, 'verified')
  try {
    const report = await inspectDataDirectory({ directory: path, verify: true, onProgress: bar.update })
    bar.stop()
    return printReport(report, flags, terminal)
  } finally {
    bar.stop()
  }
}

export async function dumpLog(path: string, { from, to, output }: DumpFlags, terminal: Terminal): Promise<void> {
  const range = { ...(from === undefined ? {} : { from }), ...(to === undefined ? {} : { to }) }
  for await (const entry of readDataDirectoryLog(path, range))
    terminal.out(output === 'json' ? entryJson(entry) : entryText(entry))
}

function printReport(report: DirectoryReport, { output }: InspectFlags, terminal: Terminal): number {
  if (output === 'json') terminal.out(`${JSON.stringify({ schema: 'quorate.directory/v1', ...report })}\n`)
  else terminal.out(reportText(report))
  return report.problems.length === 0 ? EXIT.ok : EXIT.doNotRestart
}

export function reportText(report: DirectoryReport): string {
  const { path, nodeId, clusterId, interruptedRecoveryOf, directoryId, engine, boots, hardState, staleHardStateCopy } =
    report
  const { log, snapshot, isVerified, problems } = report
  const unreadOr = (text: string): string => (log === undefined ? 'unknown: the log cannot be read' : text)
  const rows: (readonly [string, string])[] = [
    ['node', `${nodeId} of cluster ${clusterId}`],
    ...(interruptedRecoveryOf === undefined
      ? []
      : [['recovery', `of cluster ${interruptedRecoveryOf}, interrupted: repeat "quorate recover"`] as const]),
    ['directory', `${directoryId}, boot ${boots ?? 'lost'}, log in ${ENGINE_TITLES[engine]}`],
    [
      'term',
      hardState === undefined
        ? 'lost'
        : `${hardState.term}, ${hardState.votedFor === undefined ? 'no vote' : `vote for ${hardState.votedFor}`}${staleHardStateCopy === undefined ? '' : `; ${basename(staleHardStateCopy)} is old or damaged, and repaired from its copy at the next start`}`,
    ],
    ['log', log === undefined ? 'cannot be read' : logText(log)],
    [
      'snapshot',
      snapshot === undefined
        ? unreadOr('none')
        : `at index ${snapshot.index} (term ${snapshot.term}), ${snapshot.size} bytes`,
    ],
    [
      'members',
      report.membership === undefined
        ? unreadOr('not in the log yet')
        : membersText(report.membership, report.membershipIndex),
    ],
  ]
  const verdict =
    problems.length > 0
      ? problems.map(({ part, code, message }) => `DAMAGED  ${part}: ${message} (${code})`)
      : [isVerified ? 'every byte was read: no damage' : 'no damage seen; "quorate data verify" reads every byte']
  return `${[path, ...rows.map(([name, text]) => `  ${name.padEnd(10)} ${text}`), ...verdict].join('\n')}\n`
}

function logText({
  firstIndex,
  lastIndex,
  lastTerm,
  commitIndex,
  entries,
  blocks,
  bytes,
}: NonNullable<DirectoryReport['log']>): string {
  if (entries === 0) return `no entries after ${lastIndex} (term ${lastTerm})`
  const range = `entries ${firstIndex} to ${lastIndex} (term ${lastTerm}), ${blocks} blocks of ${bytes} bytes`
  return `${range}; committed at least to ${commitIndex}`
}

function membersText(membership: Membership, index: LogIndex | undefined): string {
  const list = (ids: readonly string[]): string =>
    ids.map((id) => `${id}=${membership.members.find((member) => member.id === id)?.address ?? '?'}`).join(',')
  const { voters, outgoing, learners } = membership
  const parts = [
    `voters ${list(voters)}`,
    ...(outgoing.length > 0 ? [`changing from ${list(outgoing)}`] : []),
    ...(learners.length > 0 ? [`learners ${list(learners)}`] : []),
  ]
  return `${parts.join('; ')} (as of index ${index})`
}

function entryJson({ bytes, ...entry }: StoredEntry): string {
  return `${JSON.stringify({ ...entry, bytes: Buffer.from(bytes).toString('base64') })}\n`
}

function entryText({ index, term, kind, bytes }: StoredEntry): string {
  return `${index}\t${term}\t${kind}\t${bytesText(bytes)}\n`
}

/** Text if it is printable, hexadecimal digits otherwise. */
function bytesText(bytes: Uint8Array): string {
  const shown = Buffer.from(bytes.subarray(0, SHOWN_BYTES))
  const text = shown.toString('utf8')
  const isPrintable = !/[\p{C}\uFFFD]/u.test(text)
  const rest = bytes.length > SHOWN_BYTES ? `… (${bytes.length} bytes)` : ''
  return `${isPrintable ? text : shown.toString('hex')}${rest}`
}
