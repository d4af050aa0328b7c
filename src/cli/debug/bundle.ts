/** What a bundle contains: the answers of all nodes, the diagnosis, directories and logs, and the names in them that are to be replaced. */
import type { DirectoryReport } from '../../data-directory/inspect.ts'
import type { Diagnosis } from '../status/diagnosis.ts'
import type { StatusAnswer, StatusReport } from '../status/status-report.ts'
import { Redaction } from './redact.ts'

export interface Bundle {
  readonly schema: 'quorate.debug/v1'
  readonly time: string
  readonly isRedacted: boolean
  /** Of the machine that made it. */
  readonly made: Readonly<Record<string, string | number>>
  readonly answers: readonly StatusAnswer[]
  /** Undefined if no node answered. */
  readonly status: StatusReport | undefined
  readonly diagnosis: Diagnosis | undefined
  readonly directories: readonly (DirectoryReport | { readonly path: string; readonly error: string })[]
  readonly logs: readonly { readonly path: string; readonly end: string; readonly isWhole: boolean }[]
}

/** Shorter ids would be replaced in words that contain them. */
const ID_LENGTH_MIN = 4

/** The text of the bundle, in which hosts, ids of clusters, directories and boots, metadata of members and paths are replaced unless `isRedacted` is false. */
export function bundleText(bundle: Bundle): string {
  const text = `${JSON.stringify(bundle, undefined, 1)}\n`
  return bundle.isRedacted ? namesIn(bundle).apply(text) : text
}

function namesIn({ answers, directories, logs }: Bundle): Redaction {
  const names = new Redaction()
  for (const answer of answers) {
    names.addAddress(answer.address)
    if ('status' in answer) addStatus(names, answer.status)
  }
  for (const { path } of [...directories, ...logs]) names.add('text', path)
  for (const report of directories) {
    if (!('clusterId' in report)) continue
    addId(names, 'cluster', report.clusterId)
    addId(names, 'directory', report.directoryId)
  }
  return names
}

function addStatus(names: Redaction, status: Extract<StatusAnswer, { status: unknown }>['status']): void {
  const { clusterId, directoryId, address, membership, moved } = status
  addId(names, 'cluster', clusterId)
  addId(names, 'directory', directoryId)
  for (const each of [{ address }, ...moved]) names.addAddress(each.address)
  for (const member of membership.members) {
    names.addAddress(member.address)
    addId(names, 'directory', member.directoryId)
    if (member.boot !== undefined) addId(names, 'boot', member.boot.id)
    for (const text of Object.values(member.metadata ?? {})) addId(names, 'text', text)
  }
}

function addId(names: Redaction, kind: 'cluster' | 'directory' | 'boot' | 'text', id: string): void {
  if (id.length >= ID_LENGTH_MIN) names.add(kind, id)
}
