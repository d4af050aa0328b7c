/** Sample messages of every type. Each field has a value whose loss a check would notice. */

import type { PeerMessage } from '../../../contracts/transport.ts'
import type { ProposeResponse } from '../../../core/messages.ts'
import type { Membership } from '../../../core/types.ts'
import { encodeBody, encodeCommands, encodeMembership, encodeNoop } from '../../../log-format/block.ts'

const LARGE = Number.MAX_SAFE_INTEGER - 5000

const membership: Membership = {
  members: [
    {
      id: 'n1',
      address: '127.0.0.1:7001',
      directoryId: 'd1',
      boot: { number: LARGE, id: 'boot-1' },
      metadata: { http: 'http://127.0.0.1:8001' },
      addedAt: 0,
      promote: false,
    },
    { id: 'n2', address: '127.0.0.1:7002', directoryId: '', addedAt: 17, promote: false },
    { id: 'n3', address: '127.0.0.1:7003', directoryId: 'd3', hasLostEntries: true, addedAt: LARGE, promote: true },
  ],
  voters: ['n1'],
  outgoing: ['n1', 'n2'],
  learners: ['n3'],
}

const bytes = (...values: number[]): Uint8Array => new Uint8Array(values)

function forwarded(
  term: number,
  ticket: number,
  commands: readonly Uint8Array[],
  enveloped?: ReadonlySet<number>,
): PeerMessage {
  const payload = encodeBody(commands, enveloped)
  const { count, checksum } = payload
  const numbers = { term, origin: 17, ticket, lowest: 5, count, checksum, size: payload.bytes.length }
  return { type: 'ProposeRequest', ...numbers, payload }
}

const ANSWERS: readonly Partial<ProposeResponse>[] = [
  {},
  { first: LARGE },
  { rejection: { reason: 'not-leader', leader: undefined } },
  { rejection: { reason: 'not-leader', leader: 'n2' } },
  { rejection: { reason: 'transferring', to: 'n3' } },
  { rejection: { reason: 'overloaded', limit: 'uncommittedBytesMax', value: LARGE, max: 7 } },
  { rejection: { reason: 'no-space', freeBytes: 5, neededBytes: LARGE } },
]

export const SAMPLE_MESSAGES: readonly PeerMessage[] = [
  { type: 'RequestVoteRequest', term: 7, lastIndex: LARGE, lastTerm: 6, isTransfer: true },
  { type: 'RequestVoteRequest', term: 1, lastIndex: 0, lastTerm: 0, isTransfer: false },
  { type: 'RequestVoteResponse', term: 7, isGranted: true },
  { type: 'PreVoteRequest', term: 8, lastIndex: 41, lastTerm: 7 },
  { type: 'PreVoteResponse', term: 0, isGranted: false, isRemoved: true },
  {
    type: 'AppendEntriesRequest',
    term: LARGE,
    prevIndex: 10,
    prevTerm: 2,
    prevChain: 8,
    commitIndex: 9,
    round: 5,
    session: 3,
    blocks: [
      encodeCommands(11, 2, [bytes(), bytes(0), bytes(1, 2, 255)]),
      encodeNoop(14, 3),
      encodeMembership(15, 3, membership),
    ],
  },
  {
    type: 'AppendEntriesRequest',
    term: 1,
    prevIndex: 0,
    prevTerm: 0,
    prevChain: 0,
    commitIndex: 0,
    round: 0,
    session: 0,
    blocks: [],
    digestOfQuorum: { index: 4096, kind: 7, value: 0 },
  },
  {
    type: 'AppendEntriesResponse',
    term: 3,
    isAccepted: true,
    index: 15,
    hintIndex: 0,
    hintTerm: 0,
    chain: 2 ** 32 - 1,
    round: 5,
    session: 3,
  },
  {
    type: 'AppendEntriesResponse',
    term: 3,
    isAccepted: false,
    index: 9,
    hintIndex: 8,
    hintTerm: 2,
    chain: undefined,
    round: 6,
    session: 4,
    applyLag: 2 ** 40,
    shortage: { freeBytes: 2 ** 40, neededBytes: 2 ** 41 },
    writeMs: 2000,
    digest: { index: 2 ** 40, kind: 0, value: 2 ** 32 - 1 },
  },
  {
    type: 'InstallSnapshotRequest',
    term: 4,
    snapshot: { id: '4-1000-a_b.c', index: 1000, term: 3, chain: 9, membership, size: 2 ** 40, checksum: 2 ** 32 - 1 },
    round: 7,
    session: 1,
  },
  {
    type: 'InstallSnapshotRequest',
    term: 4,
    snapshot: { id: '4-999-c', index: 999, term: 3, chain: 0, membership, size: 0, checksum: 0 },
    round: 8,
    session: 1,
  },
  {
    ...{ type: 'AppendEntriesResponse', term: 3, isAccepted: true, index: 9, hintIndex: 0, hintTerm: 0, chain: 0 },
    ...{ round: 6, session: 4 },
    snapshot: { id: '4-1000-a_b.c', index: 1000, term: 3, chain: 9, size: 2 ** 40, checksum: 2 ** 32 - 1 },
  },
  {
    type: 'InstallSnapshotRequest',
    term: 4,
    snapshot: { id: '4-1000-a_b.c', index: 1000, term: 3, chain: 9, membership, size: 2 ** 40, checksum: 7 },
    source: 'n-3.example',
    round: 7,
    session: 1,
  },
  {
    type: 'InstallSnapshotRequest',
    term: 4,
    snapshot: { id: 'without-a-checksum', index: 1, term: 1, chain: 0, membership, size: 1 },
    round: 9,
    session: 1,
  },
  { type: 'InstallSnapshotResponse', term: 4, outcome: 'installed', index: 1000, round: 7, session: 1 },
  { type: 'InstallSnapshotResponse', term: 4, outcome: 'fetching', index: 1000, round: 8, session: 1 },
  {
    ...{ type: 'InstallSnapshotResponse', term: 4, outcome: 'fetching', index: 0, round: 8, session: 1 },
    shortage: { freeBytes: 0, neededBytes: 2 ** 40 },
    failedFetches: 3,
  },
  { type: 'InstallSnapshotResponse', term: 4, outcome: 'failed', index: 1000, round: 9, session: 1 },
  { type: 'TimeoutNow', term: 9 },
  { type: 'ReadIndexRequest', term: 9, read: 123 },
  { type: 'ReadIndexResponse', term: 9, read: 123, index: 77 },
  { type: 'ReadIndexResponse', term: 9, read: 124, index: 0 },
  { type: 'ReadIndexResponse', term: 9, read: 125, index: undefined },
  forwarded(9, 123, [bytes(1, 2, 3), bytes()]),
  forwarded(LARGE, LARGE - 1, [bytes(0x80)], new Set([0])),
  ...ANSWERS.map(
    (answer): PeerMessage => ({
      ...{ type: 'ProposeResponse', term: 9, origin: 17, ticket: 123, first: undefined, rejection: undefined },
      ...answer,
    }),
  ),
]
