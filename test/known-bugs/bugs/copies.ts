/** Bugs with data directories that went back to an older copy, or that exist twice. */
import { networkFaultsOf, REPEATED_ROLLBACKS } from '../conditions.ts'
import type { KnownBug } from '../known-bug.ts'

export const COPIES: readonly KnownBug[] = [
  {
    name: 'older-copy-admitted',
    does: 'admits a member whose data directory is older than the one it has seen',
    system: 'etcd',
    sources: ['etcd-io/etcd#13509'],
    edits: [
      {
        file: 'src/runtime/peers/boots.ts',
        from: "  if (boots < 0) return 'older'\n",
        to: "  if (boots <= 0 || presented.id !== '') return 'later'\n",
      },
    ],
    detectedBy: ['I20', 'I1', 'I2', 'I6', 'I8', 'I9', 'I10', 'L10'],
  },
  {
    name: 'equal-boot-admitted',
    does: 'takes a clone of a member for the member, because it has started as often',
    system: 'SwarmKit',
    sources: ['moby/swarmkit#1148'],
    edits: [
      {
        file: 'src/runtime/peers/boots.ts',
        from: "if (boots === 0) return remembered.id === presented.id ? 'same' : 'forked'",
        to: "if (boots === 0) return 'same'",
      },
    ],
    detectedBy: ['I20', 'I1', 'I2', 'I6', 'I8', 'I9', 'I10', 'L10'],
  },
  {
    name: 'more-boots-admitted',
    does: 'takes a copy of a data directory for the current one once it has been started more often',
    system: 'CockroachDB',
    sources: ['cockroachdb/cockroach#29524'],
    edits: [
      {
        file: 'src/runtime/peers/boots.ts',
        from: "return id === undefined || id === remembered.id ? 'later' : 'forked'",
        to: "return id === '' ? 'forked' : 'later'",
      },
    ],
    detectedBy: ['I20', 'I1', 'I2', 'I6', 'I8', 'I9', 'I10', 'L10'],
  },
  {
    name: 'unusable-mark-ignored',
    does: 'starts again with a data directory that it has found to be an older copy',
    system: 'etcd',
    sources: ['etcd-io/etcd#13509'],
    edits: [
      {
        file: 'src/memory/memory-storage.ts',
        from: '    if (disk.unusable !== undefined) throw',
        to: "    if (disk.unusable?.message === '') throw",
      },
    ],
    detectedBy: ['I19'],
  },
  {
    name: 'forgetful-follower-counted',
    does: 'leads, and continues to count the acknowledgements of a follower that no longer has the entries',
    system: 'CockroachDB',
    sources: ['cockroachdb/cockroach#124278'],
    edits: [
      {
        file: 'src/core/rules/lost-entries.ts',
        from: 'if (index > acknowledged || round < provenRound) return false',
        to: "if (index > acknowledged || round < provenRound || progress.id !== '') return false",
      },
    ],
    conditions: 'the disks of the nodes go back to older copies, one after the other, and the network has faults',
    overrides: (generated) => ({ faults: [...networkFaultsOf(generated), ...REPEATED_ROLLBACKS] }),
    detectedBy: ['L10', 'L3', 'I9', 'I6', 'I8', 'I10'],
  },
]
