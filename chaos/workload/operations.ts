/** The operations of the clients, as the linearizability model defines them, and how they map to the key-value service. */
import type { KvClient } from '../../src/cli/kv-client.ts'
import type { KvCommand } from '../../src/kv/index.ts'
import type { KeyValueOperation, RecordedCall } from '../../src/linearizability/index.ts'
import type { SeededRandom } from '../../src/testing/simulation/seeded-random.ts'

export type Operation = KeyValueOperation<string>
export type Result = string | boolean | undefined
export type Call = RecordedCall<Operation, Result>

/** The mix of operations per thousand calls; the rest are deletes. */
const GETS_PER_MILLE = 450
const PUTS_PER_MILLE = 250
const COMPARE_AND_SETS_PER_MILLE = 200
/** Values are padded to at most this size, so that logs grow fast enough to be compacted. */
const PADDED_BYTES_MAX = 8192

/** `likelyValue` is what the key probably holds, so that some compare-and-sets succeed. */
export function drawOperation(
  random: SeededRandom,
  key: string,
  likelyValue: string | undefined,
  value: string,
): Operation {
  const kind = random.below(1000)
  if (kind < GETS_PER_MILLE) return { type: 'get', key }
  if (kind < GETS_PER_MILLE + PUTS_PER_MILLE) return { type: 'put', key, value }
  if (kind < GETS_PER_MILLE + PUTS_PER_MILLE + COMPARE_AND_SETS_PER_MILLE)
    return { type: 'compareAndSet', key, expected: likelyValue, value }
  return { type: 'delete', key }
}

/** The value of the key after a call, as far as its result shows. */
export function valueAfter(operation: Operation, result: Result): string | undefined {
  if (operation.type === 'get') return result as string | undefined
  if (operation.type === 'delete' || result === false) return undefined
  return operation.value
}

/** Calls the service. With an endpoint, a get is sent to that node only. */
export async function perform(
  { raftClient }: KvClient,
  operation: Operation,
  endpoint: string | undefined,
): Promise<Result> {
  if (operation.type === 'get') {
    const answer = await raftClient.query({ type: 'get', key: operation.key }, { endpoint })
    if (answer.type === 'found') return unpadded(answer.entry.value)
    if (answer.type === 'absent') return undefined
    throw new Error(`unexpected answer to get: ${JSON.stringify(answer)}`)
  }
  const result = await raftClient.propose(commandOf(operation))
  if (result.type === 'refused') throw new Error(`${operation.type} was refused: ${result.reason}`)
  if (operation.type === 'put') return undefined
  return result.type === 'written' || result.type === 'deleted'
}

function commandOf(operation: Exclude<Operation, { readonly type: 'get' }>): KvCommand {
  const { type, key } = operation
  if (type === 'delete') return { type, key }
  const value = padded(operation.value)
  if (type === 'put') return { type, key, value }
  if (operation.expected === undefined) return { type, key, expected: { type: 'absent' }, value }
  return { type, key, expected: { type: 'value', value: padded(operation.expected) }, value }
}

/** Pads a value. The padding depends only on the value, so that a compare-and-set can expect the same bytes. */
function padded(value: string): Uint8Array {
  let hash = 0
  for (let offset = 0; offset < value.length; offset++) hash = (Math.imul(hash, 31) + value.charCodeAt(offset)) >>> 0
  return Buffer.from(`${value} ${'.'.repeat(Math.imul(hash, 2654435761) >>> 19)}`.slice(0, PADDED_BYTES_MAX))
}

function unpadded(bytes: Uint8Array): string {
  const text = Buffer.from(bytes).toString('latin1')
  return text.slice(0, text.indexOf(' '))
}
