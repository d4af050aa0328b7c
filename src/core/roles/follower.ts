/** How a follower handles messages (Figure 2, "Followers"): it responds to leaders and candidates. */
import type { AppendEntriesRequest, InstallSnapshotRequest, Message } from '../messages.ts'
import { handleAppendEntries } from '../rules/append-entries.ts'
import { findContradiction, stopDiverged } from '../rules/diverge.ts'
import { handleProposeResponse, refuseProposal } from '../rules/forward.ts'
import { handleReadIndexResponse } from '../rules/read-index.ts'
import { send } from '../rules/send.ts'
import { handleInstallSnapshot } from '../rules/snapshot.ts'
import { stopIfOtherState } from '../rules/state-digest.ts'
import { setLeader } from '../rules/transition.ts'
import { reportViolation } from '../rules/violation.ts'
import { campaign, canCampaign, handlePreVoteResponse, handleRequestVote } from '../rules/vote.ts'
import type { RaftState } from '../state.ts'
import type { NodeId } from '../types.ts'

export function followerReceives(state: RaftState, from: NodeId, message: Message): void {
  switch (message.type) {
    case 'AppendEntriesRequest':
      if (acceptLeader(state, from, message) && !stopIfOtherState(state, from, message))
        handleAppendEntries(state, from, message)
      return
    case 'InstallSnapshotRequest':
      if (acceptLeader(state, from, message)) handleInstallSnapshot(state, from, message)
      return
    case 'TimeoutNow':
      if (state.leader === from && canCampaign(state)) campaign(state, true)
      return
    case 'RequestVoteRequest':
      return handleRequestVote(state, from, message)
    case 'ReadIndexRequest': {
      const { term } = state
      return send(state, from, { type: 'ReadIndexResponse', term, read: message.read, index: undefined })
    }
    case 'ReadIndexResponse':
      return handleReadIndexResponse(state, message)
    case 'ProposeRequest':
      return refuseProposal(state, from, message)
    case 'ProposeResponse':
      return handleProposeResponse(state, message)
    case 'PreVoteResponse':
      return handlePreVoteResponse(state, from, message)
  }
}

/**
 * Records contact with the leader. Returns false if this term has another leader (§5.2, Election Safety), or if the leader's log
 * contradicts a committed entry: then this node stops.
 */
function acceptLeader(state: RaftState, from: NodeId, message: AppendEntriesRequest | InstallSnapshotRequest): boolean {
  if (state.leader !== undefined && state.leader !== from) {
    reportViolation(state, from, `the sender claims to lead term ${state.term}, whose leader is ${state.leader}`)
    return false
  }
  const contradiction = findContradiction(state, message)
  if (contradiction !== undefined) {
    stopDiverged(state, from, contradiction)
    return false
  }
  setLeader(state, from)
  state.timer.onLeaderContact(state.now)
  return true
}
