import assert from 'node:assert/strict'
import type { Persist } from '../../src/core/effects.ts'
import type { Input } from '../../src/core/inputs.ts'
import type { AppendEntriesRequest, Message } from '../../src/core/messages.ts'
import { RAFT_DEFAULTS } from '../../src/core/options.ts'
import type { RaftStatus } from '../../src/core/status.ts'
import type { Block, Membership, SnapshotInfo } from '../../src/core/types.ts'
import { checkLiveness } from '../../src/testing/properties/liveness.ts'
import type { Observation } from '../../src/testing/properties/observation.ts'
import { ALL_PROPERTIES } from '../../src/testing/properties/properties.ts'
import { PropertyViolation } from '../../src/testing/properties/property.ts'
import { PropertyMonitor } from '../../src/testing/properties/property-monitor.ts'
import { NO_EFFECTS, persist } from '../core/effects.ts'

const LEADING = { role: 'leader', term: 1, commitIndex: 1 } as const

const SETTINGS = { ...RAFT_DEFAULTS, id: 'a', seed: 1, electionTimeoutMinMs: 150, electionTimeoutMaxMs: 300 }
const HEARTBEAT = {
  type: 'AppendEntriesRequest',
  term: 1,
  prevIndex: 0,
  prevTerm: 0,
  prevChain: 8,
  blocks: [],
} as never as AppendEntriesRequest

// For each property, a short run that violates it with its last observation, and not before.
const VIOLATING_RUNS: Readonly<Record<string, readonly Observation[]>> = {
  I1: [
    started('a'),
    started('b'),
    stepped('a', { role: 'leader', term: 2 }),
    stepped('b', { role: 'leader', term: 2 }),
  ],
  I2: [started('a'), durable('a', { hardState: state(2, 'b') }), durable('a', { hardState: state(2, 'c') })],
  I3: [
    started('a'),
    started('b'),
    durable('a', { blocks: [block(1, 1), block(2, 2)] }),
    durable('b', { blocks: [block(1, 2)] }),
    durable('b', { blocks: [block(2, 2)] }),
  ],
  I4: [
    started('a'),
    stepped('a', { role: 'leader', term: 1, lastIndex: 1 }, { blocks: [block(1, 1)] }),
    stepped('a', { role: 'leader', term: 1 }, { truncateAfter: 0 }),
  ],
  I5: [
    started('a'),
    started('b'),
    applied('a', 1, 'x'),
    applied('b', 1, 'x'),
    applied('a', 2, 'y'),
    applied('b', 2, 'z'),
  ],
  I6: [
    started('a'),
    started('b'),
    stepped('a', { term: 1, lastIndex: 1, commitIndex: 1 }, { blocks: [block(1, 1)] }),
    stepped('b', { role: 'leader', term: 2, lastIndex: 1 }, { blocks: [block(1, 2)] }),
  ],
  I7: [started('a'), stepped('a', { term: 3 }), stepped('a', { term: 2 })],
  I8: [
    started('a'),
    started('b'),
    stepped('a', { term: 1, lastIndex: 1, commitIndex: 1 }, { blocks: [block(1, 1)] }),
    stepped('b', { term: 2, lastIndex: 1, commitIndex: 1 }, { blocks: [block(1, 2)] }),
  ],
  I9: [
    started('a'),
    durable('a', { blocks: [block(1, 1)] }),
    stepped('a', { role: 'leader', term: 1, lastIndex: 1 }, { blocks: [block(1, 1)] }),
    stepped('a', { role: 'leader', term: 1, lastIndex: 1, commitIndex: 1 }),
  ],
  I10: [
    { type: 'invoked', call: 1, node: 'a', what: 'write', command: 'x' },
    { type: 'returned', call: 1, outcome: 'applied', index: 1 },
    { type: 'ended', node: 'a', commands: new Map([[1, 'x']]) },
    { type: 'ended', node: 'b', commands: new Map() },
  ],
  I15: [applied('a', 1, 'x'), applied('b', 1, 'x'), applied('a', 2, 'x')],
  I11: [
    started('a'),
    durable('a', { blocks: [block(1, 1), block(2, 1)] }),
    { type: 'crashed', node: 'a' },
    { ...started('a'), blocks: [block(1, 1)] } as Observation,
  ],
  I12: [started('a'), durable('a', { hardState: state(1, 'b') }), voteSent('a', 'b', 1), voteSent('a', 'b', 2)],
  I13: [
    started('a'),
    stepped('a', { ...LEADING, lastIndex: 1, membership: members('a', 'b', 'c') }, { blocks: [block(1, 1)] }),
    stepped(
      'a',
      { ...LEADING, lastIndex: 2, membershipIndex: 2, membership: members('a', 'b', 'c', 'd') },
      { blocks: [membershipBlock(2, 'd')] },
    ),
    stepped(
      'a',
      { ...LEADING, lastIndex: 3, membershipIndex: 3, membership: members('a', 'b', 'c', 'e') },
      { blocks: [membershipBlock(3, 'e')] },
    ),
  ],
  I14: [
    started('a'),
    stepped('a', { term: 1, lastIndex: 1, commitIndex: 1 }, { blocks: [block(1, 1)] }),
    { type: 'invoked', call: 1, node: 'b', what: 'read', command: '' },
    { type: 'returned', call: 1, outcome: 'applied', index: 0 },
  ],
  I16: [
    { type: 'invoked', call: 1, node: 'b', what: 'fresh read', command: '', atLeast: 2 },
    { type: 'returned', call: 1, outcome: 'applied', index: 2 },
    { type: 'invoked', call: 2, node: 'b', what: 'fresh read', command: '', atLeast: 2 },
    { type: 'returned', call: 2, outcome: 'not-applied', index: 0, acknowledged: 3 },
    { type: 'invoked', call: 3, node: 'b', what: 'fresh read', command: '' },
    { type: 'returned', call: 3, outcome: 'applied', index: 2, acknowledged: 3 },
  ],
  I22: [
    applied('a', 1, 'x'),
    applied('a', 2, 'y'),
    applied('b', 4, 'z'),
    { type: 'changed', reader: 1, node: 'b', index: 1, command: 'x' },
    { type: 'changed', reader: 1, node: 'a', index: 2, command: 'y' },
    { type: 'compacted', reader: 2, node: 'a', wantedIndex: 1, firstIndex: 4 },
    { type: 'changed', reader: 2, node: 'b', index: 4, command: 'z' },
    { type: 'changed', reader: 3, node: 'b', index: 4, command: 'z' },
  ],
  I23: [
    { type: 'invoked', call: 1, node: 'a', what: 'write', command: 'x', expectTerm: 1 },
    { type: 'invoked', call: 2, node: 'a', what: 'write', command: 'y', expectTerm: 2 },
    applied('a', 1, 'x'),
    applied('a', 2, 'y'),
  ],
  I24: [
    { ...started('a'), autopilot: { deadMs: 300, votersMin: 2 } } as Observation,
    steppedAt(
      10,
      stepped('a', { ...LEADING, lastIndex: 1, membershipIndex: 1 }, { blocks: [membershipBlock(1, 'd')] }),
    ),
    steppedAt(20, stepped('a', { ...LEADING, membershipIndex: 1 }), answerFrom('b')),
    steppedAt(320, stepped('a', { ...LEADING, membershipIndex: 1 }), removalOf('b')),
    steppedAt(330, stepped('a', { ...LEADING, membershipIndex: 1 }), answerFrom('b')),
    steppedAt(340, stepped('a', { ...LEADING, membershipIndex: 1 }), removalOf('b')),
  ],
  I18: [
    started('a'),
    {
      ...stepped('a', { term: 1 }),
      effects: {
        ...NO_EFFECTS,
        events: [
          {
            ...{ type: 'diverged', from: 'b', index: 5, agreedIndex: 3, commitIndex: 4, ownTerm: 1, leaderTerm: 1 },
            chains: { own: 7, leader: 8 },
          },
        ],
      },
    } as Observation,
  ],
  I21: [
    started('a'),
    {
      ...stepped('a', { term: 1 }),
      effects: { ...NO_EFFECTS, events: [{ type: 'stateDiffers', peer: 'b', index: 8 }] },
    } as Observation,
  ],
  I17: [
    { ...started('a'), settings: SETTINGS } as Observation,
    steppedAt(10, stepped('a', { term: 1, leader: 'b' }), { type: 'receive', from: 'b', message: HEARTBEAT }),
    steppedAt(400, stepped('a', { term: 2, leader: undefined }), {
      type: 'receive',
      from: 'c',
      message: voteRequest(2),
    }),
    steppedAt(410, stepped('a', { term: 2, leader: 'b' }), {
      type: 'receive',
      from: 'b',
      message: { ...HEARTBEAT, term: 2 },
    }),
    steppedAt(420, stepped('a', { term: 3, leader: undefined }), {
      type: 'receive',
      from: 'c',
      message: voteRequest(3),
    }),
  ],
  L4: [
    started('a'),
    started('b'),
    leaderStep(probe('b', 9)),
    leaderStep(probe('b', 7), rejection(8)),
    leaderStep(probe('b', 7), rejection(8)),
    leaderStep(probe('b', 5), rejection(6)),
    leaderStep(probe('b', 3), rejection(4)),
  ],
  L7: [
    { ...started('a'), settings: SETTINGS } as Observation,
    steppedAt(10, stepped('a', { role: 'leader', term: 1, isTransferring: true })),
    steppedAt(309, stepped('a', { role: 'leader', term: 1, isTransferring: true })),
    steppedAt(310, stepped('a', { role: 'leader', term: 1, isTransferring: true })),
  ],
}

/** Further runs for properties that can be violated in several ways. */
const MORE_RUNS: readonly (readonly [string, readonly Observation[]])[] = [
  [
    'I7',
    [
      started('a'),
      stepped('a', { role: 'leader', term: 1, peers: [peer('b', 2)] }),
      stepped('a', { role: 'leader', term: 1, peers: [peer('b', 1)] }),
    ],
  ],
  ['I13', [started('a'), stepped('a', { membership: members('a', 'b') })]],
  [
    'I24',
    [
      { ...started('a'), autopilot: { deadMs: 300, votersMin: 4 } } as Observation,
      stepped('a', { ...LEADING, lastIndex: 1, membershipIndex: 1 }, { blocks: [membershipBlock(1, 'd')] }),
      steppedAt(320, stepped('a', { ...LEADING, membershipIndex: 1 }), removalOf('b')),
    ],
  ],
  [
    'I22',
    [
      applied('a', 1, 'x'),
      { type: 'changed', reader: 1, node: 'a', index: 1, command: 'x' },
      { type: 'changed', reader: 1, node: 'b', index: 1, command: 'x' },
    ],
  ],
  ['I22', [applied('a', 1, 'x'), { type: 'changed', reader: 1, node: 'b', index: 1, command: 'y' }]],
  ['I22', [{ type: 'compacted', reader: 1, node: 'b', wantedIndex: 1, firstIndex: 1 }]],
  [
    'I13',
    [
      started('a'),
      stepped('a', { lastIndex: 1, membership: members('a', 'b', 'c') }, { blocks: [block(1, 1)] }),
      durable('a', { snapshot: { info: snapshot(1, 'a', 'b', 'c'), resetLog: false } }),
      durable('a', { snapshot: { info: snapshot(1, 'a', 'b', 'd'), resetLog: false } }),
    ],
  ],
  // The leader repeats the same probe.
  [
    'L4',
    [
      started('a'),
      started('b'),
      leaderStep(probe('b', 9)),
      leaderStep(probe('b', 9), rejection(8)),
      leaderStep(probe('b', 9), rejection(8)),
      leaderStep({ ...probe('b', 8), state: 'replicate' }),
      leaderStep(probe('b', 9)),
      leaderStep(probe('b', 9), rejection(8)),
      leaderStep(probe('b', 9), rejection(8)),
      leaderStep(probe('b', 9), rejection(8)),
    ],
  ],
  // One term conflicts, and the follower restarts during the search.
  [
    'L4',
    [
      started('a'),
      { ...started('b'), blocks: [block(1, 1)] } as Observation,
      leaderStep(probe('b', 9)),
      leaderStep(probe('b', 8), rejection(8)),
      leaderStep(probe('b', 7), rejection(7)),
      { ...started('b'), blocks: [block(1, 1)] } as Observation,
      leaderStep(probe('b', 6), rejection(6)),
      leaderStep(probe('b', 5), rejection(5)),
      leaderStep(probe('b', 4), rejection(4)),
      leaderStep(probe('b', 3), rejection(3)),
    ],
  ],
  [
    'I8',
    [
      started('a'),
      durable('a', { blocks: [block(1, 1), block(2, 1)] }),
      stepped('a', { term: 1, lastIndex: 2, commitIndex: 1 }, { blocks: [block(1, 1), block(2, 1)] }),
      durable('a', { truncateAfter: 0, blocks: [block(1, 1)] }),
      durable('a', { truncateAfter: 0 }),
    ],
  ],
  [
    'I17',
    [
      { ...started('a'), settings: SETTINGS } as Observation,
      steppedAt(10, stepped('a', { term: 1, leader: 'b' }), { type: 'receive', from: 'b', message: HEARTBEAT }),
      steppedAt(200, withPreVoteGranted(stepped('a', { term: 1, leader: 'b' }))),
      steppedAt(210, stepped('a', { term: 1, leader: 'b' }), { type: 'receive', from: 'b', message: HEARTBEAT }),
      steppedAt(220, withPreVoteGranted(stepped('a', { term: 1, leader: 'b' }))),
    ],
  ],
]

describe('the property checks', () => {
  for (const { id, name } of ALL_PROPERTIES)
    it(`detect a violation of ${id} ${name}`, () => {
      assertDetected(id, VIOLATING_RUNS[id] ?? assert.fail('there is no run that violates it'))
      for (const [other, run] of MORE_RUNS) if (other === id) assertDetected(id, run)
    })

  it('are called with every observation that they read', () => {
    for (const { id, observes, watch } of ALL_PROPERTIES) {
      assert.ok(observes !== undefined && observes.length > 0, id)
      for (const [, type] of watch.toString().matchAll(/observation\.type [!=]== ['"](\w+)['"]/g))
        assert.ok(observes.includes(type as Observation['type']), `${id} reads '${type}' and does not observe it`)
    }
  })

  for (const { id, finalStatuses } of [
    { id: 'L1', finalStatuses: { a: {}, b: {} } },
    { id: 'L2', finalStatuses: { a: { role: 'leader', term: 9 }, b: { term: 9 } } },
    {
      id: 'L3',
      finalStatuses: {
        a: { role: 'leader', lastIndex: 2, commitIndex: 2, appliedIndex: 2 },
        b: { commitIndex: 1, appliedIndex: 1 },
      },
    },
    { id: 'L3', finalStatuses: { a: { role: 'leader', lastIndex: 1 }, b: { lastIndex: 1 } } },
    { id: 'L5', finalStatuses: { a: { role: 'leader', isMembershipCommitted: false }, b: {} } },
    { id: 'L6', finalStatuses: { a: { role: 'leader' }, b: {} } },
    { id: 'L8', finalStatuses: { a: { role: 'leader', peers: [{ ...peer('b', 0), state: 'snapshot' }] }, b: {} } },
    { id: 'L8', finalStatuses: { a: { role: 'leader', firstIndex: 5, peers: [probe('b', 4)] }, b: {} } },
  ] as const)
    it(`detect a violation of ${id} at the end of a run`, () => {
      const statuses = new Map(
        Object.entries(finalStatuses).map(([node, some]) => [node, status(node, { term: 1, ...some })]),
      )
      const openCalls = id === 'L6' ? 1 : 0
      assert.throws(
        () => checkLiveness({ statuses, openCalls, termAtDeadline: 1 }),
        (error) => error instanceof PropertyViolation && error.property.id === id,
      )
    })
})

function assertDetected(id: string, run: readonly Observation[]): void {
  const monitor = new PropertyMonitor(ALL_PROPERTIES.filter((property) => property.id === id))
  for (const observation of run.slice(0, -1)) monitor.observe(observation)
  assert.throws(
    () => monitor.observe(run[run.length - 1] as Observation),
    (error) => error instanceof PropertyViolation && error.property.id === id,
  )
}

function peer(id: string, matchIndex: number): RaftStatus['peers'][number] {
  return {
    id,
    state: 'replicate',
    matchIndex,
    nextIndex: matchIndex + 1,
    inflightMessages: 0,
    inflightBytes: 0,
    silentMs: 0,
    responseMs: 1,
    isReplicating: true,
    hasLostEntries: false,
    applyLag: 0,
  }
}

function probe(id: string, nextIndex: number): RaftStatus['peers'][number] {
  return { ...peer(id, 0), state: 'probe', nextIndex }
}

/** A step of the leader; afterwards this is its progress of b. */
function leaderStep(of: RaftStatus['peers'][number], ...inputs: Input[]): Observation {
  return { ...stepped('a', { role: 'leader', term: 1, peers: [of] }), inputs } as Observation
}

/** b rejects an append because its entry at this index does not match. */
function rejection(index: number): Input {
  const rest = { hintIndex: 0, hintTerm: 0, chain: undefined, round: 0, session: 0 }
  return {
    type: 'receive',
    from: 'b',
    message: { type: 'AppendEntriesResponse', term: 1, isAccepted: false, index, ...rest },
  }
}

function members(...ids: readonly string[]): Membership {
  const all = ids.map((id) => ({ id, address: id, directoryId: id, addedAt: 0, promote: false }))
  return { members: all, voters: ids, outgoing: [], learners: [] }
}

function started(node: string): Observation {
  const initialMembership = members('a', 'b', 'c')
  return { type: 'started', node, hardState: state(0, undefined), snapshot: undefined, blocks: [], initialMembership }
}

function state(
  term: number,
  votedFor: string | undefined,
): { term: number; votedFor: string | undefined; commitIndex: number } {
  return { term, votedFor, commitIndex: 0 }
}

function block(first: number, term: number): Block {
  return { first, term, count: 1, size: 1, kind: 'commands' }
}

function membershipBlock(first: number, id: string): Block {
  return { ...block(first, 1), kind: 'membership', membership: members('a', 'b', 'c', id) }
}

function snapshot(index: number, ...ids: readonly string[]): SnapshotInfo {
  return { id: `${index}`, index, term: 1, chain: 9, size: 1, membership: members(...ids) }
}

function durable(node: string, write: Partial<(Observation & { type: 'durable' })['write']>): Observation {
  return { type: 'durable', node, write: { blocks: [], ...write } }
}

function applied(node: string, index: number, command: string): Observation {
  return { type: 'applied', node, index, term: 1, command }
}

function answerFrom(from: string): Input {
  const message = { type: 'AppendEntriesResponse', term: 1 } as Message
  return { type: 'receive', from, message }
}

function removalOf(id: string): Input {
  return { type: 'changeMembership', request: 1, change: { remove: [id], ifIndex: 1 } }
}

function steppedAt(now: number, step: Observation, ...inputs: Input[]): Observation {
  return { ...step, now, inputs } as Observation
}

function voteRequest(term: number): Message {
  return { type: 'RequestVoteRequest', term, lastIndex: 0, lastTerm: 0, isTransfer: false }
}

function withPreVoteGranted(step: Observation): Observation {
  const message: Message = { type: 'PreVoteResponse', term: 2, isGranted: true, isRemoved: false }
  const { effects } = step as Observation & { type: 'stepped' }
  return { ...step, effects: { ...effects, send: [{ to: 'c', message }] } } as Observation
}

function voteSent(from: string, to: string, term: number): Observation {
  return { type: 'sent', from, to, message: { type: 'RequestVoteResponse', term, isGranted: true } }
}

function stepped(node: string, some: Partial<RaftStatus>, write?: Partial<Persist>): Observation {
  const effects = { ...NO_EFFECTS, persist: write === undefined ? undefined : persist(1, write) }
  return { type: 'stepped', node, inputs: [], effects, status: status(node, some) }
}

function status(id: string, some: Partial<RaftStatus>): RaftStatus {
  const zero = { firstIndex: 1, lastIndex: 0, lastTerm: 0, persistedIndex: 0, commitIndex: 0, appliedIndex: 0 }
  const rest = { snapshotIndex: 0, logBytes: 0, membership: members('a', 'b'), membershipIndex: 0, peers: [] }
  const flags = { isMembershipCommitted: true, isTransferring: false, isRemoved: false, stopped: undefined }
  return { id, role: 'follower', term: 0, leader: undefined, votedFor: undefined, ...zero, ...rest, ...flags, ...some }
}
