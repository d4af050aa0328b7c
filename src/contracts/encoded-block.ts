/** A block as bytes: the same bytes are stored by a Storage, sent by a Transport and written by a follower. */
import type { Block } from '../core/types.ts'

/** A block with its bytes, immutable once made. src/log-format/block.ts documents the layout. `size` is `bytes.length`. */
export interface EncodedBlock extends Omit<Block, 'payload'> {
  readonly bytes: Uint8Array
}

/** A block without its place in the log: its bytes are complete but for the header, so that they are copied and checksummed once. */
export interface BlockBody {
  readonly count: number
  /** The CRC-32 of the body. */
  readonly checksum: number
  readonly bytes: Uint8Array
}
