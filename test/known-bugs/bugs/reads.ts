/** Bugs in reads and leadership transfers. */
import fc from 'fast-check'
import { leaseStress } from '../../../src/testing/arbitraries/lease-stress.ts'
import type { RunPlan } from '../../../src/testing/arbitraries/plans.ts'
import type { SimulationOptions } from '../../../src/testing/simulate.ts'
import type { FaultPlan } from '../../../src/testing/simulation/faults.ts'
import type { Call } from '../../../src/testing/simulation/workload.ts'
import { LEADER } from '../../../src/testing/simulation/workload.ts'
import { THREE_VOTERS, VERY_LATE_MESSAGES } from '../conditions.ts'
import type { KnownBug } from '../known-bug.ts'

/** How long the faults of a run last. */
const FAULTS_MS = 4000

/** One read every 7 ms. */
function frequentReads(mode: 'lease' | 'linearizable'): Call[] {
  return Array.from({ length: 480 }, (_, number) => ({
    type: 'read',
    atMs: 300 + 7 * number,
    node: number % 4 === 0 ? LEADER : number % 3,
    mode,
  }))
}

/** For 450 ms in every 600 ms, the leader's outbound messages are lost; it still receives. */
const LEADER_SENDS_BLOCKED: FaultPlan = Array.from({ length: 6 }, (_, number) =>
  [0, 1, 2].map((to) => ({ type: 'cut' as const, atMs: 500 + 600 * number, from: LEADER, to, forMs: 450 })),
).flat()

/** Enables lease reads and adds many of them. Clock drift is excluded, because leases are not safe under it. */
function withLeases(generated: RunPlan): Partial<SimulationOptions> {
  return {
    settings: { leaseReads: true },
    workload: [...generated.workload, ...frequentReads('lease')],
    faults: generated.faults.filter(({ type }) => type !== 'drift' && type !== 'switches'),
  }
}

export const READS: readonly KnownBug[] = [
  {
    name: 'read-before-the-no-op',
    does: 'confirms reads before it has committed an entry of its own term',
    system: 'etcd',
    sources: ['etcd-io/etcd#7331'],
    edits: [
      {
        file: 'src/core/rules/read-index.ts',
        from: '  if (!hasCommittedInTerm(state, leader)) return leader.reads.hold(read)\n',
        to: '',
      },
    ],
    detectedBy: ['I14'],
  },
  {
    name: 'any-response-confirms',
    does: 'counts a late heartbeat response towards the newest round, and so confirms a newer read',
    system: 'etcd, until 2026',
    sources: ['etcd-io/etcd#20418', 'TestReadOnlyDuplicateRequest'],
    edits: [
      {
        file: 'src/core/rules/append-response.ts',
        from: '  progress.recordContact(state.now, round)',
        to: '  progress.recordContact(state.now, leader.rounds.current)',
      },
    ],
    conditions:
      "three voters, the leader's outbound messages blocked repeatedly, very late messages, a read every few milliseconds",
    overrides: (generated) => ({
      cluster: THREE_VOTERS,
      settings: {},
      faults: [VERY_LATE_MESSAGES, ...LEADER_SENDS_BLOCKED],
      workload: [...generated.workload.filter(({ type }) => type === 'write'), ...frequentReads('linearizable')],
    }),
    detectedBy: ['I14'],
  },
  {
    name: 'read-quorum-one-short',
    does: 'confirms a read with one response fewer than a majority',
    system: 'openraft',
    sources: ['databendlabs/openraft d60f1e85'],
    edits: [
      {
        file: 'src/core/rules/read-index.ts',
        from: '  return quorumValue(state.membership, (id) =>\n    id === state.id ? leader.rounds.current',
        to: `  const one = state.membership.voters.find((id) => id !== state.id)
  return quorumValue(state.membership, (id) =>
    id === state.id || id === one ? leader.rounds.current`,
      },
    ],
    detectedBy: ['I14'],
  },
  {
    name: 'read-answered-before-it-is-confirmed',
    does: 'sends the heartbeats that confirm a read, and answers without waiting for the responses',
    system: 'd-engine and Redpanda',
    sources: ['deventlab/d-engine#381', 'redpanda-data/redpanda#2954'],
    edits: [
      {
        file: 'src/core/rules/read-index.ts',
        from: 'leader.reads.confirmed(confirmedRound(state, leader))',
        to: 'leader.reads.confirmed(leader.rounds.current)',
      },
    ],
    detectedBy: ['I14'],
  },
  {
    name: 'no-no-op',
    does: 'starts to lead without appending an entry of its term, and answers reads from its old commit index',
    system: 'RedisRaft',
    sources: ['RedisLabs/redisraft#22'],
    edits: [
      {
        file: 'src/core/rules/transition.ts',
        from: "  appendBlock(state, { first: noopIndex, term: state.term, count: 1, size: 0, kind: 'noop' })\n",
        to: '',
      },
      {
        file: 'src/core/rules/transition.ts',
        from: '  const noopIndex = state.log.lastIndex + 1\n',
        to: '  const noopIndex = 0\n',
      },
    ],
    detectedBy: ['I13', 'I14'],
  },
  {
    name: 'lease-by-a-coarse-clock',
    does: 'checks its lease with a clock that ticks once in two election timeouts',
    system: 'SOFAJRaft',
    sources: ['sofastack/sofa-jraft#25', 'sofastack/sofa-jraft#34'],
    conditions: 'lease reads enabled, and many of them',
    overrides: withLeases,
    edits: [
      {
        file: 'src/core/rules/read-index.ts',
        from: '  return isOnlyVoter(state) || state.now < sentAt',
        to: '  return isOnlyVoter(state) || state.now - (state.now % (2 * electionTimeoutMinMs)) < sentAt',
      },
    ],
    detectedBy: ['I14'],
  },
  {
    name: 'lease-from-the-response',
    does: 'starts its lease when the responses arrive, not when the heartbeats were sent',
    system: 'TiKV and Nebula, whose leases used the ticks of a blocked thread and the wall clock',
    sources: ['tikv/tikv#964', 'vesoft-inc/nebula#2723'],
    conditions:
      "three voters, lease reads enabled, and many of them, the leader's outbound messages blocked repeatedly, very late messages",
    overrides: (generated) => ({
      cluster: THREE_VOTERS,
      settings: { leaseReads: true },
      faults: [VERY_LATE_MESSAGES, ...LEADER_SENDS_BLOCKED],
      workload: [...generated.workload.filter(({ type }) => type === 'write'), ...frequentReads('lease')],
    }),
    edits: [
      {
        file: 'src/core/rules/read-index.ts',
        from: '  const sentAt: Instant = leader.rounds.sentAt(confirmedRound(state, leader))',
        to: `  const sentAt: Instant = quorumValue(state.membership, (id) =>
    id === state.id ? state.now : (leader.progress.get(id)?.lastContactAt ?? -Infinity),
  )`,
      },
    ],
    detectedBy: ['I14'],
  },
  {
    name: 'reads-without-confirmation',
    does: 'answers reads at once because it believes that it is the leader',
    system: 'Consul and etcd 0.4',
    sources: ['hashicorp/consul#54', 'aphyr.com/posts/316'],
    edits: [
      {
        file: 'src/core/rules/read-index.ts',
        from: "  if (mode === 'lease' && hasLease(state, leader)) return",
        to: "  if (mode === 'quorum' || hasLease(state, leader)) return",
      },
    ],
    detectedBy: ['I14'],
  },
  {
    name: 'lease-outlives-the-transfer',
    does: 'serves lease reads after it has sent TimeoutNow to another node',
    system: 'openraft, and a question to etcd',
    sources: ['databendlabs/openraft#1749', 'etcd-io/raft#99'],
    conditions: 'lease reads enabled, many of them, a leadership transfer every 250 ms',
    overrides: (generated) => {
      const plan = withLeases(generated)
      const transfers = Array.from({ length: 14 }, (_, number) => ({
        type: 'transfer' as const,
        atMs: 400 + 250 * number,
        node: number % 3,
      }))
      return { ...plan, workload: [...(plan.workload ?? []), ...transfers] }
    },
    edits: [
      {
        file: 'src/core/rules/read-index.ts',
        from: ' || leader.hasSentTimeoutNow || leader.transfer !== undefined) return false',
        to: ') return false',
      },
    ],
    detectedBy: ['I14'],
  },
  {
    name: 'lease-forgotten-at-a-restart',
    does: 'votes at once after a restart, although a leader it answered just before may still hold a lease',
    system: 'quorate, before its first release',
    sources: ['thesis §6.4.1'],
    conditions: 'three voters, lease reads enabled, and only the faults that put a lease at risk',
    overrides: (generated) => {
      const episodes = fc.sample(leaseStress(FAULTS_MS), { seed: generated.seed, numRuns: 2 })
      return {
        cluster: THREE_VOTERS,
        settings: { leaseReads: true },
        workload: episodes.flatMap(({ calls }) => calls),
        faults: episodes.flatMap(({ faults }) => faults),
      }
    },
    edits: [
      {
        file: 'src/core/state.ts',
        from: '    if (options.leaseReads && hardState.term > 0) this.timer.leaderContactAt = now\n',
        to: '',
      },
    ],
    detectedBy: ['I14'],
  },
  {
    name: 'age-by-contact',
    does: 'takes its state for fresh while it has contact with a leader, whatever it has applied',
    system: 'rqlite',
    sources: ['rqlite/rqlite#1672'],
    edits: [
      {
        file: 'src/runtime/calls/reads.ts',
        from: 'if (this.#age.at(now) > maxStalenessMs || ',
        to: 'if (this.#parts.status().leader === undefined || ',
      },
      {
        file: 'src/runtime/calls/reads.ts',
        from: '(maxStalenessMs !== undefined && ageMs > maxStalenessMs)',
        to: '(maxStalenessMs !== undefined && ageMs < 0)',
      },
    ],
    detectedBy: ['I16'],
  },
  {
    name: 'transfer-without-timeout',
    does: 'transfers leadership to a node that cannot win, and rejects writes until that node leads',
    system: 'raft-rs and hashicorp/raft',
    sources: ['tikv/raft-rs#165', 'hashicorp/raft#581'],
    edits: [
      {
        file: 'src/core/rules/transfer.ts',
        from: '  if (state.now >= transfer.deadline) return abortTransfer(state, leader, transfer)\n',
        to: '',
      },
      { file: 'src/core/rules/pause.ts', from: 'role.transfer?.deadline ?? Infinity', to: 'Infinity' },
    ],
    detectedBy: ['L5', 'L7', 'L9'],
  },
]
