/** What the tests of both peer protocols send: a hello, a request, and an append whose block can be damaged. */
import type { EncodedBlock } from '../../src/contracts/encoded-block.ts'
import type { PeerMessage } from '../../src/contracts/transport.ts'
import { encodeCommands } from '../../src/log-format/block.ts'
import type { Hello } from '../../src/peer-link/frames.ts'

/** Every field differs from the others. */
export const SAMPLE_HELLO: Hello = {
  clusterId: 'kv demo',
  nodeId: 'n1',
  directoryId: 'f00d',
  metadata: { http: 'https://a.example' },
  machineVersion: 7,
  leaderPriority: 2,
  receiverId: 'n2',
  address: '127.0.0.1:7001',
  receiverAddress: '127.0.0.1:7002',
  protocolMin: 1,
  protocolMax: 3,
}

/** The hello of a peer to the node n1 of the cluster 'test'. */
export function helloTo(nodeId: string): Hello {
  return {
    clusterId: 'test',
    nodeId,
    directoryId: `disk-of-${nodeId}`,
    receiverId: 'n1',
    address: '127.0.0.1:1',
    receiverAddress: '',
    protocolMin: 2,
    protocolMax: 2,
  }
}

export function readIndexRequest(read: number): PeerMessage {
  return { type: 'ReadIndexRequest', term: 1, read }
}

export const SAMPLE_BLOCK: EncodedBlock = encodeCommands(6, 2, [new Uint8Array(3)])

export function appendOfOneBlock(): PeerMessage {
  const header = { term: 2, prevIndex: 5, prevTerm: 1, prevChain: 8, commitIndex: 3, round: 1, session: 0 }
  return { type: 'AppendEntriesRequest', ...header, blocks: [SAMPLE_BLOCK] }
}

/** What is wrong with a hello, as the end of a sentence, and the refusal that it gets. */
export const WRONG_HELLOS: readonly {
  readonly what: string
  readonly changes: Partial<Hello>
  readonly code: string
}[] = [
  { what: 'only supports a later version', changes: { protocolMin: 5, protocolMax: 9 }, code: 'ERR_RAFT_PROTOCOL' },
  { what: 'is for another node', changes: { receiverId: 'n9' }, code: 'ERR_RAFT_NODE_MISMATCH' },
  { what: 'has the id of this node', changes: { nodeId: 'n1' }, code: 'ERR_RAFT_DUPLICATE_NODE' },
]
