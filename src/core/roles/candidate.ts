/** How candidates and pre-candidates handle messages: they count votes and follow a leader of their term (Figure 2, "Candidates"). */
import type { Message } from '../messages.ts'
import { refuseProposal } from '../rules/forward.ts'
import { send } from '../rules/send.ts'
import { becomeFollower } from '../rules/transition.ts'
import { handlePreVoteResponse, handleRequestVote, handleRequestVoteResponse } from '../rules/vote.ts'
import type { RaftState } from '../state.ts'
import type { NodeId } from '../types.ts'

/** Returns whether the message is handled. If not, this node has become a follower and must handle it as one. */
export function candidateReceives(state: RaftState, from: NodeId, message: Message): boolean {
  switch (message.type) {
    case 'AppendEntriesRequest':
    case 'InstallSnapshotRequest':
      becomeFollower(state, state.term, from, 'higher-term')
      return false
    case 'RequestVoteRequest':
      handleRequestVote(state, from, message)
      return true
    case 'RequestVoteResponse':
      handleRequestVoteResponse(state, from, message)
      return true
    case 'PreVoteResponse':
      handlePreVoteResponse(state, from, message)
      return true
    case 'ReadIndexRequest': {
      const { term } = state
      send(state, from, { type: 'ReadIndexResponse', term, read: message.read, index: undefined })
      return true
    }
    case 'ProposeRequest':
      refuseProposal(state, from, message)
      return true
    default:
      return true
  }
}
