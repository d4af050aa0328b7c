/** The process an Opener starts: opens what it is told to, reads and compares everything, and answers what came of it. */
import { isRaftError } from '../../src/errors.ts'
import { RocksDBStorage } from '../../src/rocksdb/index.ts'
import { verify } from './history.ts'
import type { OpenAnswer, OpenOrder } from './opener.ts'
import { IDENTITY } from './place.ts'

process.on('message', (order: OpenOrder) => {
  void tryToOpen(order).then((answer) => process.send?.(answer))
})
process.on('disconnect', () => process.exit(0))

async function tryToOpen({ directory, known }: OpenOrder): Promise<OpenAnswer> {
  const storage = new RocksDBStorage({ directory })
  try {
    const recovered = await storage.open(IDENTITY)
    await verify(storage, recovered, known)
    return { outcome: 'whole' }
  } catch (error) {
    if (!isRaftError(error)) return { wrong: `not a RaftError: ${String(error)}` }
    return error.code === 'ERR_RAFT_CORRUPT' ? { outcome: error.code } : { wrong: `${error.code}: ${error.message}` }
  } finally {
    await storage.close()
  }
}
