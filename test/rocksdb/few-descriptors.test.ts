/** A process without free file descriptors: RocksDB cannot begin its next file, and does not recover while the process runs. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { rm } from 'node:fs/promises'
import { promisify } from 'node:util'
import { RocksDBStorage } from '../../src/rocksdb/index.ts'
import { IDENTITY, temporaryDirectory } from '../storage/directory-fixture.ts'

const DESCRIPTORS_MAX = 160

describe('a log in RocksDB without free descriptors', function () {
  this.timeout(60_000)
  let directory: string

  before(async function () {
    if (process.platform !== 'linux') this.skip()
    directory = await temporaryDirectory()
  })
  after(async () => {
    if (directory !== undefined) await rm(directory, { recursive: true, force: true })
  })

  it('fails for good with ERR_RAFT_NO_DESCRIPTORS, and has everything it acknowledged when it is opened again', async () => {
    const { acknowledged, tables, codes } = await useUpDescriptors(directory)
    assert.deepEqual(codes, ['ERR_RAFT_NO_DESCRIPTORS', 'ERR_RAFT_NO_DESCRIPTORS'])
    assert.ok(acknowledged > 300)
    assert.ok(tables < DESCRIPTORS_MAX / 4, `${tables} tables are open`)
    const storage = new RocksDBStorage({ directory })
    const { blocks } = await storage.open(IDENTITY)
    await storage.close()
    assert.ok((blocks.at(-1)?.first ?? 0) >= acknowledged)
  })
})

interface Outcome {
  /** The last index whose write resolved. */
  readonly acknowledged: number
  /** How many tables were open before. */
  readonly tables: number
  /** The errors of the first write that failed, and of one after all descriptors were free again. */
  readonly codes: readonly string[]
}

async function useUpDescriptors(directory: string): Promise<Outcome> {
  const source = `
    import { closeSync, openSync, readdirSync, readlinkSync } from 'node:fs'
    import { RocksDBStorage } from ${urlOf('../../src/rocksdb/index.ts')}
    import { encodeCommands } from ${urlOf('../../src/log-format/block.ts')}
    const storage = new RocksDBStorage({ directory: ${JSON.stringify(directory)}, writeBufferBytes: 64 * 1024 })
    await storage.open(${JSON.stringify(IDENTITY)})
    let acknowledged = 0
    const write = async () => {
      const block = encodeCommands(acknowledged + 1, 1, [Buffer.alloc(8000, 1)])
      await storage.write({ blocks: [block], hardState: { term: 1, votedFor: 'a', commitIndex: 0 }, isUrgent: true })
      acknowledged++
    }
    while (acknowledged < 300) await write()
    const files = readdirSync('/proc/self/fd').map((fd) => {
      try {
        return readlinkSync('/proc/self/fd/' + fd)
      } catch {
        return ''
      }
    })
    const tables = files.filter((path) => path.endsWith('.sst')).length
    const taken = []
    try {
      for (;;) taken.push(openSync('/dev/null'))
    } catch {}
    const codes = []
    while (codes.length === 0) await write().catch((error) => codes.push(error.code))
    for (const fd of taken) closeSync(fd)
    await write().catch((error) => codes.push(error.code))
    process.stdout.write(JSON.stringify({ acknowledged, tables, codes }))
    process.exit(0)`
  const command = `ulimit -n ${DESCRIPTORS_MAX} && exec "$0" --import tsx --input-type=module --eval "$1"`
  const { stdout } = await promisify(execFile)('sh', ['-c', command, process.execPath, source])
  return JSON.parse(stdout)
}

function urlOf(path: string): string {
  return JSON.stringify(new URL(path, import.meta.url).href)
}
