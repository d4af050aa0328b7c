/** The role of a node in a word, and the kind that colors it. */
import type { Knowledge } from './cluster.ts'

export function roleText(knowledge: Knowledge): { readonly text: string; readonly kind: string } {
  if (knowledge.kind === 'heard of')
    return { text: knowledge.peer.isReplicating ? 'replicating' : 'not replicating', kind: 'heard' }
  if (knowledge.kind === 'unknown' && knowledge.leadsFor !== undefined) return { text: 'leader', kind: 'heard' }
  if (knowledge.kind !== 'reported') return { text: knowledge.kind, kind: knowledge.kind }
  const { id, role, stopped, isRemoved, membership } = knowledge.report.view
  if (stopped !== undefined) return { text: 'stopped', kind: 'down' }
  if (isRemoved) return { text: 'removed', kind: 'down' }
  if (role === 'follower' && membership.learners.includes(id)) return { text: 'learner', kind: 'learner' }
  return { text: role, kind: role }
}
