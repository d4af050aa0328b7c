/** The hash chain over the log: one 32-bit number per block that depends on the content of this block and of all blocks before it. */
import type { Block, BlockKind, Member, Membership, SnapshotInfo } from '../types.ts'

/** The chain before the first block of a log. */
export const EMPTY_CHAIN = 0

type Content = Pick<Block, 'kind' | 'membership' | 'checksum'>
const KIND_CODES: Readonly<Record<BlockKind, number>> = { commands: 1, noop: 2, membership: 3 }

type Linked = Content & Pick<Block, 'first' | 'term' | 'count'>

/** The checksum of a block's content. That of commands comes with the block, because the core does not read their bytes. */
export function checksumOf({ kind, membership, checksum = 0 }: Content): number {
  if (kind === 'noop') return 0
  return membership === undefined ? checksum : membershipChecksum(membership)
}

const MULTIPLIER_1 = 0x9e3779b1
const MULTIPLIER_2 = 0x85ebca6b
/** Their inverses modulo 2^32. */
const INVERSE_1 = 0x0e8b2f51
const INVERSE_2 = 0xa5cb9243

/** The chain at the end of a block. For a given block it is a permutation of the chain before it, so different histories stay different. */
export function chainAfter(before: number, block: Linked): number {
  let chain = Math.imul(before ^ blockHash(block), MULTIPLIER_1)
  chain ^= chain >>> 15
  chain = Math.imul(chain, MULTIPLIER_2)
  return (chain ^ (chain >>> 13)) >>> 0
}

/** The inverse of `chainAfter`: the chain before a block. */
export function chainBefore(after: number, block: Linked): number {
  let chain = after ^ (after >>> 13) ^ (after >>> 26)
  chain = Math.imul(chain, INVERSE_2)
  chain ^= (chain >>> 15) ^ (chain >>> 30)
  return (Math.imul(chain, INVERSE_1) ^ blockHash(block)) >>> 0
}

/** The chain before the first of these blocks. A storage keeps no chains: the snapshot's is followed backwards. */
export function chainAtBase(snapshot: SnapshotInfo | undefined, blocks: readonly Linked[]): number {
  if (snapshot === undefined) return EMPTY_CHAIN
  const covered = blocks.filter(({ first }) => first <= snapshot.index)
  return covered.reduceRight(chainBefore, snapshot.chain)
}

/** Why the recovered log and its snapshot do not belong together, or undefined: from the start of the log, the chain leads to that of the snapshot. */
export function chainProblem(snapshot: SnapshotInfo | undefined, blocks: readonly Linked[]): string | undefined {
  const [first] = blocks
  if (snapshot === undefined || first?.first !== 1) return undefined
  const chain = blocks.filter(({ first }) => first <= snapshot.index).reduce(chainAfter, EMPTY_CHAIN)
  if (chain === snapshot.chain) return undefined
  return `the entries up to ${snapshot.index} have the hash chain ${chain}, and the snapshot of the same index has ${snapshot.chain}`
}

function blockHash(block: Linked): number {
  let hash = fold(checksumOf(block), KIND_CODES[block.kind])
  hash = fold(hash, block.first | 0)
  hash = fold(hash, (block.first / 2 ** 32) | 0)
  hash = fold(hash, block.term | 0)
  hash = fold(hash, (block.term / 2 ** 32) | 0)
  return fold(hash, block.count)
}

function fold(hash: number, value: number): number {
  const mixed = Math.imul(hash ^ value, MULTIPLIER_2)
  return mixed ^ (mixed >>> 15)
}

/** Every field of a member, as a value whose text is the same on all nodes; an absent field equals its default. */
const MEMBER_VALUES: { readonly [Field in keyof Member]-?: (member: Member) => unknown } = {
  id: ({ id }) => id,
  address: ({ address }) => address,
  directoryId: ({ directoryId }) => directoryId,
  boot: ({ boot }) => boot && [boot.number, boot.id],
  hasLostEntries: ({ hasLostEntries }) => hasLostEntries === true,
  addedAt: ({ addedAt }) => addedAt,
  promote: ({ promote }) => promote,
  metadata: ({ metadata }) => metadata,
}

/** Of each membership in use: the chain asks for it several times. */
const checksums = new WeakMap<Membership, number>()

function membershipChecksum(membership: Membership): number {
  const known = checksums.get(membership)
  if (known !== undefined) return known
  const { members, voters, outgoing, learners } = membership
  const listed = members.map((member) => {
    const values = Object.values(MEMBER_VALUES).map((read) => read(member))
    // A member without metadata has the checksum that it had before there was any.
    return member.metadata === undefined ? values.slice(0, -1) : values
  })
  const text = JSON.stringify([listed, voters, outgoing, learners])
  let hash = 1
  for (let offset = 0; offset < text.length; offset++) hash = fold(hash, text.charCodeAt(offset))
  hash >>>= 0
  checksums.set(membership, hash)
  return hash
}
