import assert from 'node:assert/strict'
import { syncBuiltinESMExports } from 'node:module'
import v8 from 'node:v8'
import { serveOptions } from '../../src/cli/serve/serve-flags.ts'
import { isRaftError } from '../../src/errors.ts'
import { MemoryDisk } from '../../src/memory/memory-disk.ts'
import { MemoryStorage } from '../../src/memory/memory-storage.ts'
import { MemoryNetwork } from '../../src/memory/memory-transport.ts'
import { startNode } from '../../src/start-node.ts'
import { Journal } from '../runtime/virtual-cluster.ts'

describe('the growth of the heap', () => {
  const { setFlagsFromString } = v8
  let flags: string[]

  beforeEach(() => {
    flags = []
    replaceWith((flag) => void flags.push(flag))
  })

  afterEach(() => replaceWith(setFlagsFromString))

  it('is left to V8 unless the option says otherwise', async () => {
    await startAndClose({})
    assert.deepEqual(flags, [])
    await startAndClose({ heapGrowthPercent: 200 })
    assert.deepEqual(flags, ['--heap-growing-percent=200'])
  })

  it('is no reason to fail for an engine that does not know it', async () => {
    replaceWith(() => {
      throw new Error('this engine has no flags')
    })
    await startAndClose({ heapGrowthPercent: 200 })
  })

  for (const percent of [0, 1001, 2.5, '300'])
    it(`is not ${JSON.stringify(percent)}`, async () => {
      await assert.rejects(startAndClose({ heapGrowthPercent: percent as number }), (error) => {
        assert.ok(isRaftError(error, 'ERR_RAFT_OPTIONS'))
        return error.message.includes('heapGrowthPercent must be a whole number from 1 to 1000')
      })
      assert.deepEqual(flags, [])
    })

  it('is that of the flag of `quorate serve`, and left to V8 with 0', () => {
    const flagsOf = { id: 'n1', listen: '127.0.0.1:7001', peers: 'n1=127.0.0.1:7001', dataDir: 'data' }
    const percentOf = (heapGrowth: string): unknown => serveOptions({ ...flagsOf, heapGrowth }).limits.heapGrowthPercent
    assert.deepEqual([percentOf('300'), percentOf('0')], [300, undefined])
  })

  function replaceWith(set: typeof setFlagsFromString): void {
    v8.setFlagsFromString = set
    syncBuiltinESMExports()
  }
})

async function startAndClose(options: { readonly heapGrowthPercent?: number }): Promise<void> {
  const transport = new MemoryNetwork().transport('n1')
  const storage = new MemoryStorage({ disk: new MemoryDisk() })
  const node = await startNode<string, number, string, number>({
    ...{ id: 'n1', peers: { n1: 'n1' }, cluster: 'test', transport, storage, stateMachine: new Journal() },
    ...options,
  })
  await node.close()
}
