/** Log Matching (Figure 3), checked by induction: entries with equal index and term have equal content and equal predecessors. */
import type { LogIndex, NodeId, Term } from '../../core/types.ts'
import type { Property } from './property.ts'

interface SeenBlock {
  readonly node: NodeId
  readonly count: number
  readonly prevTerm: Term | undefined
  readonly checksum: number | undefined
}

export const logMatching: Property = {
  id: 'I3',
  name: 'log matching',
  statement:
    'If two logs have an entry with the same index and term, they are identical up to and including that entry.',
  observes: ['durable'],
  watch(view) {
    const seen = new Map<Term, Map<LogIndex, SeenBlock>>()
    return (observation) => {
      if (observation.type !== 'durable') return undefined
      const { disk } = view.node(observation.node)
      for (const block of observation.write.blocks) {
        const blocksOfTerm = seen.get(block.term) ?? new Map<LogIndex, SeenBlock>()
        seen.set(block.term, blocksOfTerm)
        const prevTerm = disk.termAt(block.first - 1)
        const checksum = block.bytes === undefined ? undefined : checksumOf(block.bytes)
        const current = { node: observation.node, count: block.count, prevTerm, checksum }
        const earlier = blocksOfTerm.get(block.first)
        if (earlier === undefined) blocksOfTerm.set(block.first, current)
        else {
          const difference = describeDifference(earlier, current)
          if (difference !== undefined)
            return `at index ${block.first} of term ${block.term}, ${earlier.node} and ${current.node} have ${difference}.`
        }
      }
      return undefined
    }
  },
}

function describeDifference(a: SeenBlock, b: SeenBlock): string | undefined {
  if (a.count !== b.count) return `blocks of ${a.count} and ${b.count} entries`
  if (a.prevTerm !== undefined && b.prevTerm !== undefined && a.prevTerm !== b.prevTerm)
    return `predecessors of terms ${a.prevTerm} and ${b.prevTerm}`
  if (a.checksum !== undefined && b.checksum !== undefined && a.checksum !== b.checksum) return 'different contents'
  return undefined
}

/** The checksum in the header of a block (see log-format/block.ts). */
function checksumOf(bytes: Uint8Array): number {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(4, true)
}
