/** Bugs in membership changes. */
import type { KnownBug, OmittedBug } from '../known-bug.ts'
import { replaceNode } from '../replace-node.ts'

export const MEMBERSHIP: readonly KnownBug[] = [
  {
    name: 'change-before-the-first-commit',
    does: 'changes the membership before it has committed an entry of its term',
    system: 'the thesis of 2014, and the implementations that follow it',
    sources: ['raft-dev 2015-07-10', 'atomix/copycat#23', 'baidu/braft#182', 'hydro-project/hydro#3192'],
    edits: [
      {
        file: 'src/core/rules/reconfigure.ts',
        from: "  if (!hasCommittedInTerm(state, leader)) return { reason: 'leader-not-ready' }\n",
        to: '',
      },
    ],
    detectedBy: ['I13'],
  },
  {
    name: 'snapshot-of-an-uncommitted-membership',
    does: 'writes the newest membership into its snapshot although it is not committed',
    system: 'canonical/raft',
    sources: ['canonical/raft#250', 'canonical/raft#354'],
    edits: [
      {
        file: 'src/core/raft.ts',
        from: 'membership: memberships.at(index).membership }',
        to: 'membership: memberships.current.membership }',
      },
    ],
    detectedBy: ['I13'],
  },
  {
    name: 'joint-left-twice',
    does: 'leaves the joint membership a second time while the first entry that leaves it is not committed',
    system: 'etcd',
    sources: ['confchange_v2_add_double_auto.txt'],
    edits: [
      {
        file: 'src/core/rules/reconfigure.ts',
        from: `  const { index, membership } = state.memberships.current
  if (index > state.log.commitIndex || !hasCommittedInTerm(state, leader)) return
  if (isJoint(membership)) {`,
        to: `  const { index, membership } = state.memberships.at(state.log.commitIndex)
  if (!hasCommittedInTerm(state, leader)) return
  if (isJoint(membership)) {`,
      },
    ],
    detectedBy: ['I13'],
  },
  {
    name: 'joint-never-left',
    does: 'enters the joint membership again when it should leave it, and stays in it',
    system: 'openraft',
    sources: ['databendlabs/openraft joint-consensus.md'],
    edits: [
      {
        file: 'src/core/membership/change.ts',
        from: '  return normalized({ ...joint, outgoing: [] })',
        to: '  return normalized({ ...joint })',
      },
    ],
    detectedBy: ['I13', 'L5'],
  },
  {
    name: 'replica-without-its-state',
    does: 'accepts a member that returns with an empty disk as the old one, and records the new disk in the membership',
    system: 'RethinkDB',
    sources: ['rethinkdb/rethinkdb#5289'],
    conditions: 'a follower loses its disk, then the leader crashes',
    customRun: (kit, generated) => replaceNode(kit, generated, false),
    edits: [
      {
        file: 'src/runtime/peers/peer-admission.ts',
        from: "if (boundDirectoryId !== '' && boundDirectoryId !== peer.directoryId)",
        to: 'if (false as boolean)',
      },
      {
        file: 'src/core/membership/change.ts',
        from: "const bound = member.directoryId === ''",
        to: 'const bound = member.directoryId !== seen',
      },
    ],
    detectedBy: ['I2', 'I6', 'I8', 'I9'],
  },
  {
    name: 'id-of-a-removed-replica-reused',
    does: 'counts what a removed member had stored for another node that is added under its id',
    system: 'CockroachDB',
    sources: ['cockroachdb/cockroach#21146', 'cockroachdb/cockroach#756'],
    conditions: 'a follower loses its disk, is removed, and is added again under its id',
    customRun: (kit, generated) => replaceNode(kit, generated, true),
    edits: [
      {
        file: 'src/core/rules/transition.ts',
        from: 'if (known !== undefined && known.session === addedAt) known.removal',
        to: 'if (known !== undefined) known.removal',
      },
      {
        file: 'src/core/roles/leader.ts',
        from: 'if (isRemovalKnown || state.now >= removal.deadline) leader',
        to: 'if (isRemovalKnown && state.stopped !== undefined) leader',
      },
      {
        file: 'src/core/rules/append-response.ts',
        from: 'progress === undefined || progress.session !== session',
        to: 'progress === undefined',
      },
    ],
    detectedBy: ['I7', 'I9', 'L3'],
  },
  {
    name: 'response-of-an-earlier-session',
    does: 'counts a late acknowledgement of a member that was removed and added again in the same term',
    system: 'raft-rs, etcd and three others',
    sources: ['tikv/raft-rs#571', 'etcd-io/raft#349', 'github.com/drmingdrmer/raft-rejoin-bug'],
    conditions: 'a follower loses its disk, is removed, and is added again under its id; messages are late',
    customRun: (kit, generated) => replaceNode(kit, generated, true),
    edits: [
      {
        file: 'src/core/rules/append-response.ts',
        from: 'progress === undefined || progress.session !== session',
        to: 'progress === undefined',
      },
    ],
    detectedBy: ['I7', 'I9', 'L3'],
  },
]

export const OMITTED_MEMBERSHIP: readonly OmittedBug[] = [
  {
    does: 'reverts only one membership when its log is truncated, although two are dropped',
    system: 'ScyllaDB',
    sources: ['scylladb/scylladb#30936'],
    why: 'a leader appends a membership only after the one before it is committed, so a truncation never drops two; reverting any number of them has a unit test',
  },
  {
    does: 'may have the bug of hashicorp/raft#697',
    system: 'braft',
    sources: ['baidu/braft#539'],
    why: 'the report refers to that bug, which is listed under Snapshots',
  },
]
