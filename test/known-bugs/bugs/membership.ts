/** Bugs about changes of the membership. */
import type { KnownBug, OmittedBug } from '../known-bug.ts'
import { replaceNode } from '../replace-node.ts'

export const MEMBERSHIP: readonly KnownBug[] = [
  {
    name: 'change-before-the-first-commit',
    does: 'changes the membership before it has committed an entry of its term',
    system: 'the dissertation of 2014, and all who followed it',
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
    does: 'writes the newest membership into its snapshot, though that one may yet be taken back',
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
    does: 'leaves the joint membership again while the entry that leaves it is on its way',
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
    does: 'applies the first half of a change again when it should leave the joint membership, and stays in it',
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
    does: 'takes a member that comes back with an empty disk for the one it was, and writes the new disk into the membership',
    system: 'RethinkDB',
    sources: ['rethinkdb/rethinkdb#5289'],
    conditions: 'a follower loses its disk, the leader dies',
    customRun: (kit, drawn) => replaceNode(kit, drawn, false),
    edits: [
      {
        file: 'src/runtime/peers/peer-admission.ts',
        from: "if (boundDirectoryId !== '' && boundDirectoryId !== peer.directoryId)",
        to: 'if (false as boolean)',
      },
      {
        file: 'src/core/membership/change.ts',
        from: "member.directoryId === '' && (seen.get(member.id) ?? '') !== ''",
        to: '(seen.get(member.id) ?? member.directoryId) !== member.directoryId',
      },
    ],
    detectedBy: ['I2', 'I6', 'I8', 'I9'],
  },
  {
    name: 'id-of-a-removed-replica-reused',
    does: 'goes on counting what a removed member had when another comes under its id',
    system: 'CockroachDB',
    sources: ['cockroachdb/cockroach#21146', 'cockroachdb/cockroach#756'],
    conditions: 'a follower loses its disk, is removed, and is added again under its id',
    customRun: (kit, drawn) => replaceNode(kit, drawn, true),
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
    name: 'answer-of-an-earlier-session',
    does: 'counts a late acknowledgement of a member that was removed and added again since, in the same term',
    system: 'raft-rs and etcd, and three others',
    sources: ['tikv/raft-rs#571', 'etcd-io/raft#349', 'github.com/drmingdrmer/raft-rejoin-bug'],
    conditions: 'a follower loses its disk, is removed, and is added again under its id; messages are late',
    customRun: (kit, drawn) => replaceNode(kit, drawn, true),
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
    does: 'takes back one membership when its log is truncated, although two go',
    system: 'ScyllaDB',
    sources: ['scylladb/scylladb#30936'],
    why: 'a leader appends a membership only once the one before it is committed, so no log here can lose two; that any number can be taken back has a test of its own',
  },
  {
    does: 'is asked to look for the same bug',
    system: 'braft',
    sources: ['baidu/braft#539'],
    why: 'the report names no bug of its own, but that of hashicorp/raft#697, which is among the snapshots',
  },
]
