/** Generates random runs with hostile peers and clients. */
import fc from 'fast-check'
import {
  type Block,
  EMPTY_MEMBERSHIP,
  type Input,
  type Membership,
  type MembershipChange,
  type Message,
  type NodeId,
} from '../../src/core/index.ts'
import type { BlockKind } from '../../src/core/types.ts'
import { membershipOf } from './builders.ts'
import { RandomRun, type RelativeNumber, type RunStep } from './random-run.ts'

const NODES = ['a', 'b', 'c', 'd', 'e'] as const
const MEMBERSHIPS = [
  ...[
    'a b c',
    'a b c',
    'a b c',
    'a',
    'a b',
    'a b c +d',
    'b c +a',
    'a b d & a b c',
    'c d e & a b c',
    'b c',
    'a b c d e',
  ],
].map((text) => membershipOf(text))
/** Memberships that can be decoded but are invalid. */
const INVALID_MEMBERSHIPS: readonly Membership[] = [
  EMPTY_MEMBERSHIP,
  { ...membershipOf('a b'), voters: [], outgoing: ['a'] },
  { ...membershipOf('a b'), learners: ['a'] },
  { ...membershipOf('a b'), voters: ['a', 'x'] },
  { ...membershipOf('a b'), voters: ['a', 'a'] },
]

/** A value that is computed from the run when it is used. */
type AtRunTime<Value> = (run: RandomRun) => Value

/** A run to execute once. It prints as one line; the error contains its trace. */
export function randomRuns(): fc.Arbitrary<{ readonly execute: () => void }> {
  return fc
    .record({ run: initialRuns(), steps: fc.array(runSteps(), { minLength: 20, maxLength: 120, size: 'max' }) })
    .map(({ run, steps }) => ({
      execute: () => run().run(steps),
      [fc.toStringMethod]: () => `a run of ${steps.length} steps`,
    }))
}

function initialRuns(): fc.Arbitrary<() => RandomRun> {
  const setups = fc.record({
    membership: fc.constantFrom(...MEMBERSHIPS, EMPTY_MEMBERSHIP),
    log: fc.constantFrom('1 1x4 3 4x2', '1x2', '1 1 2 2 5', '1x2 2x6 3 5'),
    options: fc.record({
      preVote: fc.boolean(),
      checkQuorum: fc.boolean(),
      leaseReads: fc.boolean(),
      trailingEntries: fc.constantFrom(0, 3),
      messageBytesMax: fc.constantFrom(1, 1000),
      inflightMessagesMax: fc.constantFrom(1, 4),
      uncommittedEntriesMax: fc.constantFrom(10, 100),
      pendingReadsMax: fc.constantFrom(1, 10),
    }),
  })
  return setups.map(({ options, ...setup }) => () => {
    const leaseReads = options.leaseReads && options.checkQuorum
    return new RandomRun({ ...setup, options: { ...options, leaseReads } })
  })
}

function runSteps(): fc.Arbitrary<RunStep> {
  const ticketed = <Values extends object>(values: Values): fc.Arbitrary<AtRunTime<Input | undefined>> =>
    atRunTime(fc.record({ ...values, proposal: nextId, read: nextId, request: nextId } as never)) as never
  const inputs = fc.oneof(
    ticketed({ type: fc.constant('propose'), count: fc.integer({ min: 1, max: 4 }), size: fc.nat(500) }),
    ticketed({ type: fc.constant('read'), mode: fc.constantFrom('quorum', 'lease') }),
    ticketed({ type: fc.constant('changeMembership'), change: changes() }),
    ticketed({ type: fc.constant('transfer'), to: fc.constantFrom(undefined, 'a', 'b', 'non-member') }),
    ticketed({ type: fc.constant('peerLost'), peer: fc.constantFrom(...NODES) }),
    ticketed({
      type: fc.constant('peerSeen'),
      sharesSnapshots: fc.boolean(),
      peer: fc.constantFrom(...NODES, 'non-member'),
      directoryId: fc.constantFrom('', 'one', 'two'),
    }),
    ticketed({
      type: fc.constant('peerPlace'),
      peer: fc.constantFrom(...NODES, 'non-member'),
      isReached: fc.boolean(),
      address: fc.constantFrom(undefined, 'a:1', 'moved:1', 'moved:2'),
    }),
    fc.constant(takeSnapshot),
    fc.boolean().map((isFetched) => (run: RandomRun) => finishFetch(run, isFetched)),
  )
  const times = fc.constantFrom<number | 'wake'>('wake', 'wake', 'wake', 50, 300, 6000)
  return fc.oneof(
    { weight: 40, arbitrary: fc.record({ type: fc.constant('message' as const), from: peers(), make: messages() }) },
    { weight: 14, arbitrary: inputs.map((make) => ({ type: 'input', make }) as const) },
    { weight: 10, arbitrary: times.map((ms) => ({ type: 'time', ms }) as const) },
    { weight: 12, arbitrary: fc.integer({ min: 1, max: 5 }).map((writes) => ({ type: 'durable', writes }) as const) },
    { weight: 4, arbitrary: fc.constant({ type: 'applied' } as const) },
    { weight: 2, arbitrary: fc.constant({ type: 'election' } as const) },
    { weight: 3, arbitrary: fc.constant({ type: 'agreement' } as const) },
  )
}

function peers(): fc.Arbitrary<NodeId> {
  return fc.constantFrom<NodeId>('b', 'b', 'b', 'b', 'b', 'b', 'c', 'c', 'c', 'd', 'e', 'non-member', 'a')
}

/** Messages of every type, with arbitrary values in every field. */
function messages(): fc.Arbitrary<AtRunTime<Message>> {
  const ofType = (type: Message['type'], fields: object): fc.Arbitrary<AtRunTime<Message>> =>
    atRunTime(fc.record({ type: fc.constant(type), term: term(), ...fields } as never)) as never
  const last = { lastIndex: index(), lastTerm: term() }
  const isGranted = fc.constantFrom(true, true, true, false)
  return fc.oneof(
    {
      weight: 6,
      arbitrary: ofType('AppendEntriesRequest', {
        entries: fc.record({
          prev: index(),
          prevTerm: fc.option(term(), { nil: undefined, freq: 2 }),
          blocks: blocks(),
        }),
        commitIndex: index(),
        round: index(),
        session: index(),
      }).map((make) => (run: RandomRun) => withEntries(run, make(run))),
    },
    {
      weight: 6,
      arbitrary: ofType('AppendEntriesResponse', {
        isAccepted: fc.boolean(),
        index: index(),
        hintIndex: index(),
        hintTerm: term(),
        snapshot: fc.option(snapshots(), { nil: undefined }),
        ...responseFields(),
      }),
    },
    { weight: 1, arbitrary: ofType('RequestVoteRequest', { ...last, isTransfer: fc.boolean() }) },
    { weight: 2, arbitrary: ofType('RequestVoteResponse', { isGranted }) },
    { weight: 1, arbitrary: ofType('PreVoteRequest', last) },
    { weight: 2, arbitrary: ofType('PreVoteResponse', { isGranted, isRemoved: fc.boolean() }) },
    {
      weight: 2,
      arbitrary: ofType('InstallSnapshotRequest', {
        ...{ snapshot: snapshots(), round: index(), session: index() },
        source: fc.constantFrom(undefined, 'a', 'b', 'stranger'),
      }),
    },
    {
      weight: 2,
      arbitrary: ofType('InstallSnapshotResponse', {
        outcome: fc.constantFrom('installed', 'fetching', 'failed'),
        index: index(),
        ...responseFields(),
      }),
    },
    { weight: 1, arbitrary: ofType('TimeoutNow', {}) },
    { weight: 1, arbitrary: ofType('ReadIndexRequest', { read: fc.nat() }) },
    {
      weight: 1,
      arbitrary: ofType('ReadIndexResponse', { read: fc.nat(), index: fc.option(index(), { nil: undefined }) }),
    },
  )
}

function place(...at: readonly RelativeNumber['at'][]): fc.Arbitrary<RelativeNumber> {
  return fc.record({ at: fc.constantFrom(...at), plus: fc.integer({ min: -3, max: 3 }) })
}

function index(): fc.Arbitrary<RelativeNumber> {
  const near = place('base', 'snapshot', 'commit', 'persisted', 'last', 'zero')
  const exact = fc.record({ at: fc.constantFrom<RelativeNumber['at']>('commit', 'last'), plus: fc.constant(0) })
  return fc.oneof(
    { weight: 9, arbitrary: near },
    { weight: 9, arbitrary: exact },
    { weight: 1, arbitrary: place('huge') },
  )
}

/** Mostly the current term, because messages of other terms have little effect. */
function term(): fc.Arbitrary<RelativeNumber> {
  const now = fc.constant<RelativeNumber>({ at: 'term', plus: 0 })
  return fc.oneof(
    { weight: 60, arbitrary: now },
    { weight: 2, arbitrary: place('term') },
    { weight: 1, arbitrary: place('huge', 'zero') },
  )
}

/** The round and the session of a response, mostly valid ones. */
function responseFields(): object {
  const round: AtRunTime<number> = ({ state }) => (state.role.type === 'leader' ? state.role.rounds.current : 0)
  const session: AtRunTime<number> = ({ state }) =>
    state.role.type === 'leader' ? ([...state.role.progress.values()][0]?.session ?? 0) : 0
  return {
    round: fc.oneof({ weight: 5, arbitrary: fc.constant(round) }, { weight: 1, arbitrary: index() }),
    session: fc.oneof({ weight: 5, arbitrary: fc.constant(session) }, { weight: 1, arbitrary: index() }),
  }
}

function snapshots(): fc.Arbitrary<object> {
  const id = fc.constantFrom('s1', 's2', 's3')
  const entry = fc.oneof(
    fc.record({ index: index(), term: term() }),
    fc.record({ index: index(), term: fc.constant<RelativeNumber>({ at: 'zero', plus: 3 }) }),
  )
  return fc
    .record({ id, entry, membership: memberships(), size: fc.nat() })
    .map(({ entry, ...rest }) => ({ ...rest, ...entry, chain: chainAtIndexOf(entry.index) }))
}

/** That of this node's log, or any other if the log does not have it. */
function chainAtIndexOf(index: RelativeNumber): AtRunTime<number> {
  return (run) => run.state.log.chainAt(run.resolve(index)) ?? 0
}

function memberships(): fc.Arbitrary<Membership> {
  const whole = fc.constantFrom(...MEMBERSHIPS)
  return fc.oneof({ weight: 5, arbitrary: whole }, { weight: 1, arbitrary: fc.constantFrom(...INVALID_MEMBERSHIPS) })
}

interface BlockSpec {
  readonly term: RelativeNumber
  readonly isOwn: boolean
  readonly count: number
  readonly gap: number
  readonly kind: BlockKind
  readonly membership: Membership | undefined
}

/** Mostly contiguous blocks, some of them from this node's own log. */
function blocks(): fc.Arbitrary<AtRunTime<(after: number) => readonly Block[]>> {
  const specs = fc.record({
    term: fc.oneof({ weight: 5, arbitrary: term() }, { weight: 1, arbitrary: place('zero') }),
    isOwn: fc.boolean(),
    count: fc.constantFrom(1, 1, 1, 1, 1, 2, 2, 3, 3, 0, Number.MAX_SAFE_INTEGER),
    gap: fc.oneof({ weight: 30, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.constantFrom(1, -1) }),
    kind: fc.constantFrom<BlockKind>('commands', 'commands', 'commands', 'noop', 'membership'),
    membership: fc.option(memberships(), { nil: undefined, freq: 12 }),
  })
  return fc.array(specs, { maxLength: 4 }).map((list) => (run) => (after) => blocksAfter(run, after, list))
}

function blocksAfter(run: RandomRun, after: number, list: readonly BlockSpec[]): readonly Block[] {
  let first = after + 1
  return list.map(({ term, isOwn, count, gap, kind, membership }) => {
    first += gap
    const own = isOwn
      ? run.state.log.blocksFrom(run.state.log.isBoundary(first - 1) ? first : Infinity, 1)[0]
      : undefined
    const extra = kind === 'membership' ? { membership } : count === 0 ? { membership } : {}
    const made = {
      first,
      term: run.resolve(term),
      count: kind === 'commands' ? count : 1,
      size: 10,
      checksum: 7,
      kind,
      ...extra,
    }
    const block = own ?? made
    first += block.count
    return block
  })
}

/** Adds the previous entry, mostly that of this node's log. */
function withEntries(run: RandomRun, message: Message): Message {
  const { entries, ...rest } = message as unknown as {
    entries: { prev: number; prevTerm: number | undefined; blocks: (after: number) => readonly Block[] }
  }
  const prevTerm = entries.prevTerm ?? run.state.log.termAt(entries.prev) ?? 0
  const prevChain = run.state.log.chainAt(entries.prev) ?? 0
  return { ...rest, prevIndex: entries.prev, prevTerm, prevChain, blocks: entries.blocks(entries.prev) } as never
}

function changes(): fc.Arbitrary<MembershipChange> {
  const ids = fc.array(fc.constantFrom(...NODES, ''), { maxLength: 2 })
  const member = fc.record({
    id: fc.constantFrom(...NODES, ''),
    address: fc.constantFrom('a:1', 'n:2', 'm:3', ''),
    promote: fc.boolean(),
  })
  const places = fc.array(member, { maxLength: 2 })
  const anything = fc.record(
    { add: places, promote: ids, demote: ids, remove: ids, move: places },
    { requiredKeys: [] },
  )
  const sensible = fc.constantFrom<MembershipChange>(
    { add: [{ id: 'd', address: 'd:1', promote: true }] },
    { add: [{ id: 'e', address: 'e:1' }] },
    { promote: ['d'] },
    { promote: ['d'], demote: ['b'] },
    { demote: ['a'] },
    { remove: ['c'] },
    { remove: ['a'] },
    { remove: ['d'] },
  )
  return fc.oneof(anything, sensible)
}

function takeSnapshot(run: RandomRun): Input | undefined {
  const { log } = run.state
  const at = log.floorToBoundary(log.appliedIndex)
  if (at <= log.snapshotIndex || at > log.appliedIndex) return undefined
  return { type: 'snapshotTaken', snapshot: { ...run.raft.snapshotMetadata(at), id: `own-${at}`, size: 100 } }
}

function finishFetch(run: RandomRun, isFetched: boolean): Input | undefined {
  const snapshot = run.fetching
  if (snapshot === undefined) return undefined
  return isFetched ? { type: 'snapshotFetched', snapshot } : { type: 'snapshotFetchFailed', snapshot, reason: 'gone' }
}

const nextId = fc.constant((run: RandomRun) => run.nextId())

/** Resolves all relative numbers and computed values. */
function atRunTime<Value>(values: fc.Arbitrary<Value>): fc.Arbitrary<AtRunTime<Value>> {
  return values.map((value) => (run) => resolved(run, value) as Value)
}

function resolved(run: RandomRun, value: unknown): unknown {
  if (typeof value === 'function') return (value as AtRunTime<unknown>)(run)
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  if ('at' in value && 'plus' in value) return run.resolve(value as RelativeNumber)
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, resolved(run, inner)]))
}
