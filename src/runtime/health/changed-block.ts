/** Compares stored blocks with the log in memory: a block that was exchanged on disk is valid in itself. */
import type { EncodedBlock } from '../../contracts/encoded-block.ts'
import { chainAfter } from '../../core/log/chain.ts'
import type { LinkedBlock } from '../../core/types.ts'
import { RaftError } from '../../errors.ts'

/** What an operator can do about damage. */
export const DAMAGE_HINT = 'other members hold the data: replace this member, and keep its directory until that is done'

/** Whether this is the block of the log. The hash chain covers every field and the content. */
export function isSameBlock({ chainBefore, chain }: LinkedBlock, stored: EncodedBlock): boolean {
  return chainAfter(chainBefore, stored) === chain
}

/** The error for a block that is not the one of the log, or for a missing one. */
export function changedBlockError(
  { first, term, count }: Pick<LinkedBlock, 'first' | 'term' | 'count'>,
  stored: EncodedBlock | undefined,
): RaftError {
  const found =
    stored === undefined
      ? 'is missing'
      : `is another one (${stored.first}, term ${stored.term}, checksum ${stored.checksum})`
  return new RaftError(
    'ERR_RAFT_CORRUPT',
    `the stored log has changed: the block from ${first} to ${first + count - 1} of term ${term} ${found}`,
    { hint: DAMAGE_HINT, details: { firstBadIndex: first, lastGoodIndex: first - 1 } },
  )
}
