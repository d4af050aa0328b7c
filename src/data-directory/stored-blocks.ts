/** Reads the blocks of a log that is open, and verifies them. */
import type { EncodedBlock } from '../contracts/encoded-block.ts'
import { decodeBlock } from '../log-format/block.ts'
import type { BlockHeader } from '../log-format/block-list.ts'
import { headerOf } from '../log-format/block-list.ts'
import { damagedLog } from './log-checks.ts'
import type { OpenedLog } from './log-engine.ts'

/** Blocks are read in steps of about this size. */
const STEP_BYTES = 1024 * 1024

/** Reads the blocks from an offset: `count` of them, or as many as make one step. Throws ERR_RAFT_CORRUPT. */
export async function readBlocks(
  { engine, log }: OpenedLog<BlockHeader>,
  location: string,
  from: number,
  count?: number,
): Promise<EncodedBlock[]> {
  const first = log.blocks[from]?.first
  const to = count === undefined ? (first === undefined ? from : log.range(first, STEP_BYTES)?.to) : from + count
  const values = await engine.read(log, from, to ?? from)
  return values.map((value, offset) => {
    const header = log.blocks[from + offset] as BlockHeader
    if (value === undefined) throw damagedLog(location, header.first - 1, 0, 'a block is missing')
    try {
      const block = decodeBlock(value)
      if (JSON.stringify(headerOf(block)) !== JSON.stringify(headerOf(header)))
        throw new Error('it is not the block that was written there')
      return block
    } catch (cause) {
      throw damagedLog(location, header.first - 1, 0, (cause as Error).message, cause)
    }
  })
}
