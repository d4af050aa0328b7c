/** Faulty nodes, made by interceptors and fast enough for every test run. One of the listed properties must detect each of them. */
import type { RaftOptions } from '../../src/core/options.ts'
import type { FaultPlan } from '../../src/testing/simulation/faults.ts'
import type { Interceptors } from '../../src/testing/simulation/interceptors.ts'
import { REPEATED_CRASHES, REPEATED_LEADER_ISOLATION } from '../known-bugs/conditions.ts'
import {
  rejectionIn,
  withCommitRule,
  withEffects,
  withFixedBacktrack,
  withInputs,
  withMessages,
  withoutRepeatedOffers,
  withStorage,
} from './wrappers.ts'

export interface Mutant {
  /** What the node does wrong, as the end of a sentence. */
  readonly name: string
  /** The ids of the properties of which one must be violated first. */
  readonly detectedBy: readonly string[]
  readonly interceptors: Interceptors
  /** Conditions in which the bug shows, if random ones do not suffice. */
  readonly settings?: Partial<RaftOptions> | undefined
  readonly voters?: number | undefined
  readonly faults?: FaultPlan | undefined
  /** The seed of the plans, if that of most mutants needs many of them. */
  readonly seed?: number | undefined
}

export const MUTANTS: readonly Mutant[] = [
  {
    name: 'grants every vote of its term',
    detectedBy: ['I1', 'I2', 'I12'],
    interceptors: {
      core: (raft) =>
        withMessages(raft, (message) =>
          message.type === 'RequestVoteResponse' ? { ...message, isGranted: true } : message,
        ),
    },
  },
  {
    name: 'forgets its vote when it restarts',
    detectedBy: ['I1', 'I2'],
    settings: { preVote: false, electionTimeoutMaxMs: 155 },
    voters: 5,
    faults: REPEATED_CRASHES,
    interceptors: {
      storage: (storage) =>
        withStorage(storage, {
          open: async (identity) => {
            const recovered = await storage.open(identity)
            return { ...recovered, hardState: { ...recovered.hardState, votedFor: undefined } }
          },
        }),
    },
  },
  {
    name: 'counts votes instead of voters',
    detectedBy: ['I1', 'I6'],
    settings: { preVote: false, electionTimeoutMaxMs: 155 },
    voters: 5,
    interceptors: {
      core: (raft) =>
        withInputs(raft, (input) => {
          if (input.type !== 'receive' || input.message.type !== 'RequestVoteResponse' || !input.message.isGranted)
            return [input]
          const others = raft.state.membership.voters.filter((id) => id !== input.from)
          return [input, ...others.map((from) => ({ ...input, from }))]
        }),
    },
  },
  {
    name: 'sends messages before its write is durable',
    detectedBy: ['I12'],
    interceptors: {
      core: (raft) =>
        withEffects(raft, (effects) => {
          const { persist, send } = effects
          if (persist === undefined) return effects
          return { ...effects, persist: { ...persist, then: [] }, send: [...send, ...persist.then] }
        }),
    },
  },
  {
    name: 'has a disk that acknowledges before it has synced',
    detectedBy: ['I9', 'I12'],
    interceptors: {
      storage: (storage) => withStorage(storage, { write: (write) => storage.write({ ...write, isUrgent: false }) }),
    },
  },
  {
    name: 'has a disk that loses the term',
    detectedBy: ['I2', 'I7', 'I12'],
    interceptors: {
      storage: (storage) =>
        withStorage(storage, { write: (write) => storage.write({ ...write, hardState: undefined }) }),
    },
  },
  {
    name: 'commits entries of earlier terms by counting',
    detectedBy: ['I9'],
    interceptors: {
      core: (raft) => withCommitRule(raft, (matches) => matches[Math.floor((matches.length - 1) / 2)] ?? 0),
    },
  },
  {
    name: 'commits with one acknowledgement too few',
    detectedBy: ['I9'],
    seed: 3,
    interceptors: {
      core: (raft) =>
        withCommitRule(raft, (matches) => {
          const index = matches[Math.max(0, Math.floor((matches.length - 1) / 2) - 1)] ?? 0
          return raft.state.log.termAt(index) === raft.state.term ? index : 0
        }),
    },
  },
  {
    name: 'votes for candidates whose log is behind its own',
    detectedBy: ['I6', 'I8'],
    interceptors: {
      core: (raft) =>
        withInputs(raft, (input) => {
          if (input.type !== 'receive' || !('lastTerm' in input.message)) return [input]
          return [{ ...input, message: { ...input.message, lastTerm: input.message.term } }]
        }),
    },
  },
  {
    name: 'treats a rejection as an acknowledgement',
    detectedBy: ['I9', 'L3'],
    interceptors: {
      core: (raft) =>
        withInputs(raft, (input) => {
          if (input.type !== 'receive') return [input]
          const { message } = input
          if (message.type !== 'AppendEntriesResponse' || message.isAccepted) return [input]
          return [{ ...input, message: { ...message, isAccepted: true, index: raft.state.log.lastIndex } }]
        }),
    },
  },
  {
    name: 'answers reads without a heartbeat round',
    detectedBy: ['I14'],
    interceptors: {
      core: (raft) => {
        let reads: number[] = []
        return withEffects(
          withInputs(raft, (input) => {
            if (input.type !== 'read') return [input]
            reads.push(input.read)
            return []
          }),
          (effects) => {
            const index = raft.state.log.commitIndex
            const ready = reads.map((read) => ({ type: 'readReady', read, index }) as const)
            reads = []
            return { ...effects, settle: [...effects.settle, ...ready] }
          },
        )
      },
    },
  },
  {
    name: 'does not wait for the no-op of its term',
    detectedBy: ['I13', 'I14'],
    interceptors: {
      core: (raft) =>
        withInputs(raft, (input) => {
          const { role } = raft.state
          if (role.type === 'leader') Object.assign(role, { noopIndex: 0 })
          return [input]
        }),
    },
  },
  {
    name: 'appends every copy of a forwarded proposal',
    detectedBy: ['I3', 'I15'],
    interceptors: {
      core: (raft) => {
        let copies = 0
        return withInputs(raft, (input) => {
          if (input.type !== 'receive' || input.message.type !== 'ProposeRequest') return [input]
          return [{ ...input, message: { ...input.message, origin: ++copies } }]
        })
      },
    },
  },
  {
    name: 'rejects forwarded proposals that it has appended',
    detectedBy: ['I10'],
    interceptors: {
      core: (raft) =>
        withMessages(raft, (message) =>
          message.type === 'ProposeResponse' && message.first !== undefined
            ? { ...message, first: undefined, rejection: { reason: 'not-leader', leader: undefined } }
            : message,
        ),
    },
  },
  {
    name: 'changes the bytes of messages',
    detectedBy: ['I3', 'I5', 'I15'],
    interceptors: {
      transport: (transport) =>
        new Proxy(transport, {
          get: (target, name) => {
            const value: unknown = Reflect.get(target, name, target)
            if (name !== 'send') return typeof value === 'function' ? value.bind(target) : value
            return (...[to, message]: Parameters<typeof target.send>) => {
              if (message.type !== 'AppendEntriesRequest') return target.send(to, message)
              const blocks = message.blocks.map((block) => {
                if (block.kind !== 'commands') return block
                const bytes = block.bytes.slice()
                bytes[bytes.length - 2] = (bytes[bytes.length - 2] as number) ^ 1
                bytes[4] = (bytes[4] as number) ^ 1
                return { ...block, bytes }
              })
              return target.send(to, { ...message, blocks })
            }
          },
        }),
    },
  },
  {
    name: 'forgets the term that a write expects',
    detectedBy: ['I23'],
    interceptors: {
      core: (raft) =>
        withInputs(raft, (input) => [input.type === 'propose' ? { ...input, expectTerm: undefined } : input]),
    },
  },
  {
    name: 'backs up by one entry per round',
    detectedBy: ['L4'],
    faults: REPEATED_LEADER_ISOLATION,
    interceptors: { core: (raft) => withFixedBacktrack(raft, 1) },
  },
  {
    name: 'backs up by a window of entries per round',
    detectedBy: ['L4'],
    faults: REPEATED_LEADER_ISOLATION,
    interceptors: { core: (raft) => withFixedBacktrack(raft, 4) },
  },
  {
    name: 'ignores rejections of its entries',
    detectedBy: ['L4'],
    faults: REPEATED_LEADER_ISOLATION,
    interceptors: { core: (raft) => withInputs(raft, (input) => (rejectionIn(input) === undefined ? [input] : [])) },
  },
  {
    name: 'offers each snapshot only once per follower',
    detectedBy: ['L8'],
    seed: 4,
    interceptors: { core: withoutRepeatedOffers },
  },
  {
    name: 'never campaigns',
    detectedBy: ['L1', 'L9'],
    interceptors: {
      core: (raft) =>
        withInputs(raft, (input) => {
          raft.state.timer.restart(raft.state.now)
          return [input]
        }),
    },
  },
]
