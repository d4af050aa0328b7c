/** The commands `put`, `get`, `delete`, `cas` and `list`. */
import { isUtf8 } from 'node:buffer'
import type { ReadOptions } from '../../contracts/node-service.ts'
import type { KvEntry, KvResult } from '../../kv/index.ts'
import { LIST_ENTRIES_MAX } from '../../kv/index.ts'
import type { ClientSettings } from '../client-settings.ts'
import { CommandFailure } from '../command-failure.ts'
import type { Written } from '../kv-client.ts'
import { withClient } from '../kv-client.ts'
import type { Terminal } from '../terminal.ts'

interface CommandContext {
  readonly settings: ClientSettings
  readonly terminal: Terminal
}

export async function put(
  context: CommandContext,
  key: string,
  text: string,
  flags: { readonly ifAbsent?: boolean },
): Promise<void> {
  const value = await readValue(text, context.terminal)
  await withClient(context.settings, async (cluster) => {
    const written = await cluster.write(
      flags.ifAbsent === true
        ? { type: 'compareAndSet', key, expected: { type: 'absent' }, value }
        : { type: 'put', key, value },
    )
    printWritten(context, key, written)
  })
}

export async function compareAndSet(
  context: CommandContext,
  key: string,
  oldText: string,
  newText: string,
): Promise<void> {
  const expected = { type: 'value', value: Buffer.from(oldText) } as const
  const value = await readValue(newText, context.terminal)
  await withClient(context.settings, async (cluster) => {
    printWritten(context, key, await cluster.write({ type: 'compareAndSet', key, expected, value }))
  })
}

export async function remove(context: CommandContext, key: string): Promise<void> {
  await withClient(context.settings, async (cluster) => {
    printWritten(context, key, await cluster.write({ type: 'delete', key }))
  })
}

/** How fresh a read must be. */
interface ReadFlags {
  readonly local?: boolean
  readonly lease?: boolean
  readonly atLeast?: number
  readonly maxStaleness?: number
}

function readOptionsOf({ local, lease, atLeast, maxStaleness }: ReadFlags): ReadOptions {
  const mode = local === true ? 'local' : lease === true ? 'lease' : undefined
  return { mode, atLeast, maxStalenessMs: maxStaleness }
}

export async function get(context: CommandContext, key: string, flags: ReadFlags): Promise<void> {
  const { settings, terminal } = context
  await withClient(settings, async (cluster) => {
    const { answer, note } = await cluster.read({ type: 'get', key }, readOptionsOf(flags))
    if (answer.type === 'refused') throw new CommandFailure(answer.reason)
    if (answer.type !== 'found') throw noSuchKey(key)
    const { entry } = answer
    if (settings.isVerbose) terminal.err(`version ${entry.version}  index ${entry.index}  ${note}\n`)
    if (settings.format === 'json')
      terminal.out(`${JSON.stringify({ schema: 'quorate.entry/v1', ...printableEntry(entry) })}\n`)
    else terminal.out(Buffer.concat([entry.value, Buffer.from('\n')]))
  })
}

export interface ListFlags extends ReadFlags {
  readonly keys?: boolean
  readonly limit?: number
}

/** Reads page by page. Each page is a separate read, so the list is not a snapshot of one moment. */
export async function list(context: CommandContext, prefix: string, flags: ListFlags): Promise<void> {
  const { settings, terminal } = context
  const options = readOptionsOf(flags)
  await withClient(settings, async (cluster) => {
    let left = flags.limit ?? Number.POSITIVE_INFINITY
    for (let after: string | undefined; ; ) {
      const limit = Math.min(left, LIST_ENTRIES_MAX)
      const { answer, note } = await cluster.read({ type: 'list', prefix, after, limit }, options)
      if (answer.type !== 'listed')
        throw new CommandFailure('reason' in answer ? answer.reason : 'the response of the node is not a list')
      for (const entry of answer.entries) terminal.out(listLine(entry, settings, flags))
      if (settings.isVerbose) terminal.err(`${answer.entries.length} entries  ${note}\n`)
      left -= answer.entries.length
      after = answer.entries.at(-1)?.key
      if (!answer.more || left <= 0) return
    }
  })
}

function listLine(entry: KvEntry, settings: ClientSettings, flags: ListFlags): string {
  if (settings.format === 'json') return `${JSON.stringify(printableEntry(entry))}\n`
  return flags.keys === true ? `${entry.key}\n` : `${entry.key}\t${Buffer.from(entry.value).toString('utf8')}\n`
}

/** '-' means standard input. */
async function readValue(text: string, terminal: Terminal): Promise<Uint8Array> {
  return text === '-' ? terminal.readInput() : Buffer.from(text)
}

function printWritten(
  { settings, terminal }: CommandContext,
  key: string,
  { result, index, term, note }: Written,
): void {
  const problem = problemOf(key, result)
  if (problem !== undefined) throw problem
  const version = result.type === 'written' ? result.version : undefined
  if (settings.format === 'json')
    terminal.out(`${JSON.stringify({ schema: 'quorate.write/v1', key, ...result, index, term })}\n`)
  else terminal.out(`${result.type === 'deleted' ? 'deleted' : 'ok'}\n`)
  const versionText = version === undefined ? '' : `version ${version}  `
  if (settings.isVerbose) terminal.err(`${versionText}index ${index}  term ${term}  ${note}\n`)
}

function problemOf(key: string, result: KvResult): CommandFailure | undefined {
  if (result.type === 'absent') return noSuchKey(key)
  if (result.type === 'refused') return new CommandFailure(result.reason)
  if (result.type !== 'mismatch') return undefined
  const { entry } = result
  const found = entry === undefined ? `there is no key '${key}'` : `'${key}' holds '${Buffer.from(entry.value)}'`
  return new CommandFailure(`${found}, which is not the expected value; nothing was changed`)
}

function noSuchKey(key: string): CommandFailure {
  return new CommandFailure(`there is no key '${key}'`)
}

/** A value that is not UTF-8 is shown as `valueBase64`. */
function printableEntry({ key, value, version, index }: KvEntry): object {
  const bytes = Buffer.from(value)
  return {
    key,
    ...(isUtf8(bytes) ? { value: bytes.toString() } : { valueBase64: bytes.toString('base64') }),
    version,
    index,
  }
}
