/** A process that is killed while it writes loses nothing that it acknowledged. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { rm } from 'node:fs/promises'
import { RocksDBStorage } from '../../src/rocksdb/index.ts'
import { IDENTITY, temporaryDirectory } from '../storage/directory-fixture.ts'

describe('a killed process', function () {
  this.timeout(60_000)
  let directory: string

  before(async () => {
    directory = await temporaryDirectory()
  })
  after(() => rm(directory, { recursive: true, force: true }))

  it('loses no acknowledged block, term or vote', async () => {
    for (const killAfter of [1, 40, 300]) {
      const acknowledged = await writeUntilKilled(directory, killAfter)
      const storage = new RocksDBStorage({ directory })
      const { blocks, hardState } = await storage.open(IDENTITY)
      await storage.close()
      const last = blocks.at(-1)
      assert.ok(acknowledged.index >= killAfter)
      assert.ok((last?.first ?? 0) >= acknowledged.index, `${last?.first} of ${acknowledged.index}`)
      assert.ok(hardState.term >= acknowledged.term, `term ${hardState.term} of ${acknowledged.term}`)
      assert.equal(hardState.votedFor, `n${hardState.term % 3}`)
    }
  })
})

interface Acknowledgement {
  readonly index: number
  readonly term: number
}

/** Starts a process that writes, with a new term every ten writes, and reports each acknowledged write; kills it. */
async function writeUntilKilled(directory: string, killAfter: number): Promise<Acknowledgement> {
  const source = `
    import { writeSync } from 'node:fs'
    import { RocksDBStorage } from ${urlOf('../../src/rocksdb/index.ts')}
    import { encodeCommands } from ${urlOf('../../src/log-format/block.ts')}
    const storage = new RocksDBStorage({ directory: ${JSON.stringify(directory)}, writeBufferBytes: 256 * 1024 })
    const { blocks, hardState } = await storage.open(${JSON.stringify(IDENTITY)})
    let index = blocks.length
    let term = hardState.term
    for (;;) {
      index++
      if (index % 10 === 1) term++
      const block = encodeCommands(index, term, [Buffer.alloc(2000, String(index))])
      await storage.write({ blocks: [block], hardState: { term, votedFor: 'n' + (term % 3), commitIndex: index - 1 }, isUrgent: true })
      writeSync(1, JSON.stringify({ index, term }) + '\\n')
    }`
  const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '--eval', source], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let output = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text
    const count = output.split('\n').length - 1
    if (count >= killAfter) child.kill('SIGKILL')
  })
  await once(child, 'close')
  const lines = output.split('\n').slice(0, -1)
  return JSON.parse(lines.at(-1) ?? '{"index":0,"term":0}') as Acknowledgement
}

function urlOf(path: string): string {
  return JSON.stringify(new URL(path, import.meta.url).href)
}
