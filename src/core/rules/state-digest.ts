/**
 * Compares the state machines of the nodes, where they report a digest of their state. Equal logs give equal states (§5.4.3, State Machine
 * Safety), unless a machine is not deterministic, a release of it computes something else, or memory is damaged.
 */

import { isQuorum } from '../membership/quorum.ts'
import type { AppendEntriesRequest } from '../messages.ts'
import type { Progress } from '../replication/progress.ts'
import { isSameState } from '../replication/state-digests.ts'
import type { LeaderState, RaftState } from '../state.ts'
import type { LogIndex, NodeId, StateDigest } from '../types.ts'
import { becomeFollower } from './transition.ts'

/** This node's machine has this digest. */
export function onDigested(state: RaftState, digest: StateDigest): void {
  if (state.digests.add(digest) && state.role.type === 'leader') compareStatesAt(state, state.role, digest.index)
}

/** A follower has reported the digest of its machine. */
export function onDigestReported(state: RaftState, leader: LeaderState, progress: Progress, digest: StateDigest): void {
  if (progress.digests.add(digest)) compareStatesAt(state, leader, digest.index)
}

/**
 * Compares the leader's state at `index` with those of the followers that have reported one. A node that contradicts a quorum has the wrong
 * state and stops; without a quorum of equal states none is known to be right, and the leader only reports the difference.
 */
function compareStatesAt(state: RaftState, leader: LeaderState, index: LogIndex): void {
  const own = state.digests.at(index)
  if (own === undefined) return
  const isHeldByQuorum = (digest: StateDigest): boolean =>
    isQuorum(state.membership, (id) => {
      const held = id === state.id ? own : leader.progress.get(id)?.digests.at(index)
      return held !== undefined && isSameState(held, digest)
    })
  for (const progress of leader.progress.values()) {
    const other = progress.digests.at(index)
    if (other === undefined || other.kind !== own.kind) continue
    if (isSameState(own, other)) {
      noteEqualState(state, progress)
      continue
    }
    if (progress.otherStateAt === undefined) state.outbox.emit({ type: 'stateDiffers', peer: progress.id, index })
    progress.otherStateAt = index
    if (isHeldByQuorum(own)) progress.digestOfQuorum = own
    else if (isHeldByQuorum(other)) return stopWithOtherState(state, index, undefined)
  }
}

function noteEqualState(state: RaftState, progress: Progress): void {
  if (progress.otherStateAt === undefined) return
  progress.otherStateAt = undefined
  progress.digestOfQuorum = undefined
  state.outbox.emit({ type: 'stateAgrees', peer: progress.id })
}

/** Stops this node if the leader's message shows that a quorum has another state. Returns whether it did. */
export function stopIfOtherState(state: RaftState, from: NodeId, { digestOfQuorum }: AppendEntriesRequest): boolean {
  if (digestOfQuorum === undefined) return false
  const own = state.digests.at(digestOfQuorum.index)
  if (own === undefined || own.kind !== digestOfQuorum.kind || isSameState(own, digestOfQuorum)) return false
  stopWithOtherState(state, own.index, from)
  return true
}

/** Nothing is applied or answered from here on: the state of this machine is not that of the cluster. */
function stopWithOtherState(state: RaftState, index: LogIndex, leader: NodeId | undefined): void {
  if (state.role.type === 'leader') becomeFollower(state, state.term, undefined, 'state-differs')
  state.stopped = `its state machine has another state after entry ${index} than those of a quorum`
  state.outbox.emit({ type: 'otherState', index, leader })
}
