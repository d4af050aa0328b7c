/** `quorate changes`: prints the commands of the key-value service as they are applied, until it is interrupted. */
import { isUtf8 } from 'node:buffer'
import type { ClusterChange } from '../../client/index.ts'
import type { KvCommand, KvResult } from '../../kv/index.ts'
import type { ClientSettings } from '../client-settings.ts'
import { KvClient } from '../kv-client.ts'
import type { Terminal } from '../terminal.ts'

export interface ChangesFlags {
  readonly from?: number
  readonly cluster?: string
}

/** Ends when `signal` is aborted. The timeout is that of finding a node that serves the next change. */
export async function changes(
  { settings, terminal }: { readonly settings: ClientSettings; readonly terminal: Terminal },
  { from, cluster }: ChangesFlags,
  signal: AbortSignal,
): Promise<void> {
  const { timeoutMs, isTimeoutGiven } = settings
  const client = new KvClient({ ...settings, changesTimeoutMs: isTimeoutGiven ? timeoutMs : undefined })
  let isFirst = true
  try {
    for await (const change of client.raftClient.changes({ from, clusterId: cluster, signal })) {
      if (isFirst && settings.isVerbose) terminal.err(`cluster ${change.clusterId}\n`)
      isFirst = false
      terminal.out(settings.format === 'json' ? jsonLine(change) : textLine(change))
    }
  } finally {
    await client.raftClient.close()
  }
}

type KvChange = ClusterChange<KvCommand, KvResult>

function textLine({ index, command, result }: KvChange): string {
  const effect =
    result?.type === 'mismatch' || result?.type === 'refused' ? `${result.type}: nothing changed` : undefined
  return `${[index, ...wordsOf(command), ...(effect === undefined ? [] : [effect])].join('\t')}\n`
}

function wordsOf(command: KvCommand): string[] {
  if (command.type === 'malformed') return ['malformed', command.reason]
  if (command.type === 'delete') return ['delete', command.key]
  const verb = command.type === 'put' ? 'put' : 'cas'
  return [verb, command.key, Buffer.from(command.value).toString()]
}

/** A value that is not UTF-8 is shown as `valueBase64`. */
function jsonLine({ clusterId, index, term, command, result }: KvChange): string {
  const { type } = command
  const key = type === 'malformed' ? undefined : command.key
  const value = type === 'put' || type === 'compareAndSet' ? Buffer.from(command.value) : undefined
  const text = value === undefined || !isUtf8(value) ? undefined : value.toString()
  const valueBase64 = value === undefined || text !== undefined ? undefined : value.toString('base64')
  const version = result?.type === 'written' ? result.version : undefined
  return `${JSON.stringify({
    ...{ schema: 'quorate.applied/v1', cluster: clusterId, index, term, type, key, value: text, valueBase64 },
    ...{ result: result?.type, version },
  })}\n`
}
