/** The child process of ChildOpener: opens a directory, reads and compares everything, and responds with the outcome. */
import { isRaftError } from '../../src/errors.ts'
import { RocksDBStorage } from '../../src/rocksdb/index.ts'
import { IDENTITY } from '../storage/directory-fixture.ts'
import type { OpenRequest, OpenResponse } from './child-opener.ts'
import { verify } from './history.ts'

process.on('message', (order: OpenRequest) => {
  void openAndVerify(order).then((answer) => process.send?.(answer))
})
process.on('disconnect', () => process.exit(0))

async function openAndVerify({ directory, acknowledged }: OpenRequest): Promise<OpenResponse> {
  const storage = new RocksDBStorage({ directory })
  try {
    const recovered = await storage.open(IDENTITY)
    await verify(storage, recovered, acknowledged)
    return { outcome: 'whole' }
  } catch (error) {
    if (!isRaftError(error)) return { problem: `not a RaftError: ${String(error)}` }
    return error.code === 'ERR_RAFT_CORRUPT' ? { outcome: error.code } : { problem: `${error.code}: ${error.message}` }
  } finally {
    await storage.close()
  }
}
