/** Converts Raft messages to and from JSON. Received messages are checked for their fields, blocks by their checksums. */
import { decodeBlock, type EncodedBlock, type PeerMessage } from 'quorate'

type Kind = 'number' | 'boolean' | 'string' | 'object'

/** The fields of each message and their types. The encoded blocks of AppendEntries are checked separately. */
const FIELDS: { readonly [Type in PeerMessage['type']]: Readonly<Record<string, Kind>> } = {
  RequestVoteRequest: { term: 'number', lastIndex: 'number', lastTerm: 'number', isTransfer: 'boolean' },
  RequestVoteResponse: { term: 'number', isGranted: 'boolean' },
  PreVoteRequest: { term: 'number', lastIndex: 'number', lastTerm: 'number' },
  PreVoteResponse: { term: 'number', isGranted: 'boolean', isRemoved: 'boolean' },
  AppendEntriesRequest: {
    ...{ term: 'number', prevIndex: 'number', prevTerm: 'number', prevChain: 'number', commitIndex: 'number' },
    ...{ round: 'number', session: 'number', blocks: 'object' },
  },
  AppendEntriesResponse: {
    ...{ term: 'number', isAccepted: 'boolean', index: 'number', hintIndex: 'number', hintTerm: 'number' },
    ...{ round: 'number', session: 'number' },
  },
  InstallSnapshotRequest: { term: 'number', snapshot: 'object', round: 'number', session: 'number' },
  InstallSnapshotResponse: {
    ...{ term: 'number', outcome: 'string', index: 'number', round: 'number', session: 'number' },
  },
  TimeoutNow: { term: 'number' },
  ReadIndexRequest: { term: 'number', read: 'number' },
  ReadIndexResponse: { term: 'number', read: 'number' },
  ProposeRequest: {
    ...{ term: 'number', origin: 'number', ticket: 'number', lowest: 'number', count: 'number', size: 'number' },
    ...{ checksum: 'number', payload: 'object' },
  },
  ProposeResponse: { term: 'number', origin: 'number', ticket: 'number' },
}

export function toJson(message: PeerMessage): object {
  if (message.type !== 'AppendEntriesRequest') return message
  return { ...message, blocks: message.blocks.map(({ bytes }) => Buffer.from(bytes).toString('base64')) }
}

/** Undefined if the JSON is not a message; the caller drops it. */
export function fromJson(json: unknown): PeerMessage | undefined {
  if (typeof json !== 'object' || json === null) return undefined
  const message = json as PeerMessage & Readonly<Record<string, unknown>>
  if (!Object.hasOwn(FIELDS, message.type)) return undefined
  for (const [name, kind] of Object.entries(FIELDS[message.type]))
    if (typeof message[name] !== kind || message[name] === null) return undefined
  if (message.type === 'AppendEntriesRequest') return withBlocks(message)
  // JSON omits undefined fields: a rejected read has no index, and a rejected or compacted entry no hash chain.
  if (message.type === 'AppendEntriesResponse') return { ...message, chain: message.chain }
  if (message.type === 'ReadIndexResponse') return { ...message, index: message.index }
  return message
}

function withBlocks(message: Extract<PeerMessage, { type: 'AppendEntriesRequest' }>): PeerMessage | undefined {
  const texts = message.blocks as unknown as readonly string[]
  try {
    const blocks = texts.map((text) => decodeBlock(Buffer.from(text, 'base64')))
    return isContiguous(blocks, message.prevIndex) ? { ...message, blocks } : undefined
  } catch {
    return undefined
  }
}

/** True if the blocks have no gap and start after `prevIndex`. */
function isContiguous(blocks: readonly EncodedBlock[], prevIndex: number): boolean {
  let next = prevIndex + 1
  return blocks.every(({ first, count }) => {
    const fits = first === next
    next += count
    return fits
  })
}
