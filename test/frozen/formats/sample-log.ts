/** The log of the sample directories: a block of every kind, with commands of the key-value service, some of them in a session. */
import type { EncodedBlock } from '../../../src/contracts/encoded-block.ts'
import { chainAfter, EMPTY_CHAIN } from '../../../src/core/log/chain.ts'
import type { Membership, SnapshotInfo } from '../../../src/core/types.ts'
import { kvCommandCodec, kvResultCodec } from '../../../src/kv/codecs.ts'
import { KeyValueMachine } from '../../../src/kv/key-value-machine.ts'
import type { KvCommand, KvResult } from '../../../src/kv/model.ts'
import {
  completeBlock,
  encodeBody,
  encodeMembership,
  encodeNoop,
  isEnveloped,
  payloadsOf,
} from '../../../src/log-format/block.ts'
import { crc32 } from '../../../src/platform/checksums.ts'
import { encodeRegistration, encodeSessionCommand } from '../../../src/sessions/envelope.ts'
import { SESSION_DEFAULTS } from '../../../src/sessions/limits.ts'
import { SessionMachine } from '../../../src/sessions/session-machine.ts'

/** Only `n1` is a voter, so that it leads alone when it is started with a copy of the directory. */
const MEMBERSHIP: Membership = {
  members: [
    {
      ...{ id: 'n1', address: '127.0.0.1:27401', directoryId: '', addedAt: 0, promote: false },
      boot: { number: 1, id: 'boot-1' },
      metadata: { http: 'http://127.0.0.1:27403', zone: 'a' },
    },
    { id: 'n2', address: '127.0.0.1:27402', directoryId: 'd2', hasLostEntries: true, addedAt: 1, promote: false },
  ],
  voters: ['n1'],
  outgoing: [],
  learners: ['n2'],
}

const put = (key: string, value: string): Uint8Array =>
  kvCommandCodec.encode({ type: 'put', key, value: Buffer.from(value) })

export const SAMPLE_BLOCKS: readonly EncodedBlock[] = [
  encodeMembership(1, 1, MEMBERSHIP),
  encodeNoop(2, 1),
  completeBlock(3, 1, encodeBody([put('a', '1'), put('b', '2'), kvCommandCodec.encode({ type: 'delete', key: 'a' })])),
  completeBlock(
    6,
    1,
    encodeBody(
      [encodeRegistration(1000, SESSION_DEFAULTS), encodeSessionCommand(2000, { id: 6, sequence: 1 }, put('c', '3'))],
      new Set([0, 1]),
    ),
  ),
  encodeNoop(8, 2),
  completeBlock(
    9,
    2,
    encodeBody(
      [
        put('d', '4'),
        encodeSessionCommand(3000, { id: 6, sequence: 2 }, put('e', '5')),
        encodeSessionCommand(4000, { id: 6, sequence: 2 }, put('e', 'a repetition')),
      ],
      new Set([1, 2]),
    ),
  ),
]

/** The last index of `SAMPLE_BLOCKS`. */
export const LAST_INDEX = 11

/** A machine of the key-value service with its table of sessions, and nothing applied. */
export function newMachine(): { readonly machine: SessionMachine<KvCommand, KvResult>; readonly kv: KeyValueMachine } {
  const kv = new KeyValueMachine()
  const parts = { machine: kv, codec: kvCommandCodec, resultCodec: kvResultCodec, now: () => 0 }
  return { machine: new SessionMachine<KvCommand, KvResult>(parts), kv }
}

/** The snapshot of the state after these blocks. */
export async function snapshotAfter(
  blocks: readonly EncodedBlock[],
): Promise<{ readonly info: SnapshotInfo; readonly bytes: Buffer }> {
  const { machine } = newMachine()
  for (const block of blocks)
    for (const [offset, payload] of payloadsOf(block).entries()) {
      const context = { index: block.first + offset, term: block.term, machineVersion: 1 }
      if (block.kind !== 'commands') continue
      if (isEnveloped(block, offset)) machine.applyEnvelope(payload, context, false)
      else machine.apply(payload, context)
    }
  const chunks: Uint8Array[] = []
  for await (const chunk of machine.snapshot()) chunks.push(chunk)
  const bytes = Buffer.concat(chunks)
  const { first, count, term } = blocks.at(-1) as EncodedBlock
  const index = first + count - 1
  const chain = blocks.reduce(chainAfter, EMPTY_CHAIN)
  const facts = { membership: MEMBERSHIP, chain, size: bytes.length, checksum: crc32(bytes) }
  return { info: { id: `${term}-${index}-sample`, index, term, ...facts }, bytes }
}
