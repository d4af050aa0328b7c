/** Bugs about changes of the membership. */
import type { Exhibit } from '../exhibit.ts'

export const MEMBERSHIP: readonly Exhibit[] = [
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
    caughtBy: ['I13'],
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
    caughtBy: ['I13'],
  },
  {
    name: 'one-membership-taken-back',
    does: 'takes back one membership when its log is truncated, although two go',
    system: 'ScyllaDB',
    sources: ['scylladb/scylladb#30936'],
    edits: [
      {
        file: 'src/core/membership/history.ts',
        from: '    while (this.#entries.length > 1 && this.current.index > index) this.#entries.pop()',
        to: '    if (this.#entries.length > 1 && this.current.index > index) this.#entries.pop()',
      },
    ],
    caughtBy: ['I13'],
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
    caughtBy: ['I13'],
  },
  {
    name: 'joint-never-left',
    does: 'applies the first half of a change again when it should leave the joint membership, and stays in it',
    system: 'openraft',
    sources: ['databendlabs/openraft joint-consensus.md'],
    edits: [
      {
        file: 'src/core/membership/change.ts',
        from: '  return normal({ ...joint, outgoing: [] })',
        to: '  return normal({ ...joint })',
      },
    ],
    caughtBy: ['I13', 'L5'],
  },
]
