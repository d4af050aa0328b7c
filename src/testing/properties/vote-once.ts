/** §5.2: each node votes for at most one candidate in a term, over all its lives. */
import type { NodeId, Term } from '../../core/types.ts'
import type { Property } from './property.ts'

export const voteOnce: Property = {
  id: 'I2',
  name: 'vote once',
  promise: 'A node votes for at most one candidate in any term, restarts included, and a candidate for itself.',
  watch(view) {
    const votes = new Map<NodeId, Map<Term, NodeId>>()
    const vote = (voter: NodeId, term: Term, candidate: NodeId): string | undefined => {
      const ofVoter = votes.get(voter) ?? new Map<Term, NodeId>()
      votes.set(voter, ofVoter)
      const earlier = ofVoter.get(term)
      if (earlier !== undefined && earlier !== candidate)
        return `${voter} voted for ${earlier} and for ${candidate} in term ${term}.`
      ofVoter.set(term, candidate)
      return undefined
    }
    const wiped = new Set<NodeId>()
    return (observation) => {
      if (observation.type === 'wiped') wiped.add(observation.node)
      if (observation.type === 'stepped') {
        const { node, status } = observation
        const { before } = view.node(node)
        if (before?.term !== status.term || before.votedFor === undefined) return undefined
        if (before.votedFor === status.votedFor) return undefined
        return `${node} changed its vote in term ${status.term} from ${before.votedFor} to ${status.votedFor}.`
      }
      // A vote that neither left the node nor reached its disk is gone with a crash, and was never given.
      // Nor does it count what a node without its old disk writes, as long as it grants nobody its vote; that it stands for
      // itself is for the others to pass over, and once it is removed they let it say so.
      if (observation.type === 'durable') {
        if (wiped.has(observation.node)) return undefined
        const { hardState } = observation.write
        return hardState?.votedFor === undefined
          ? undefined
          : vote(observation.node, hardState.term, hardState.votedFor)
      }
      if (observation.type !== 'sent') return undefined
      const { from, to, message } = observation
      if (message.type === 'RequestVoteRequest') return wiped.has(from) ? undefined : vote(from, message.term, from)
      if (message.type === 'RequestVoteResponse' && message.isGranted) return vote(from, message.term, to)
      return undefined
    }
  },
}
