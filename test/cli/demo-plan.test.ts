/** Tests of how a demo chooses its ports and directories, and when it continues with existing data. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import type { AddressInfo, Server } from 'node:net'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { DemoPlan } from '../../src/cli/demo/demo-plan.ts'
import { planDemo } from '../../src/cli/demo/demo-plan.ts'
import { freeRange } from '../../src/cli/demo/free-ports.ts'

describe('the plan of a demo', () => {
  let directory: string
  let ports: string
  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), 'quorate-plan-'))
    const first = await freeRange(20_000 + (process.pid % 20_000), 3)
    ports = `${first}-${first + 2}`
  })
  afterEach(() => rmSync(directory, { recursive: true, force: true }))

  it('has three nodes with consecutive ports and one directory each', async () => {
    const plan = await planDemo({ dataDir: directory, ports })
    const first = Number(ports.split('-')[0])
    assert.deepEqual(
      plan.nodes.map(({ id, address, dataDir }) => [id, address, dataDir]),
      [0, 1, 2].map((offset) => [`n${offset + 1}`, `127.0.0.1:${first + offset}`, join(directory, `n${offset + 1}`)]),
    )
    assert.equal(plan.isResumed, false)
  })

  it('is resumed with its nodes and ports from the data directory alone', async () => {
    const plan = await planDemo({ dataDir: directory, ports })
    const again = await planDemo({ dataDir: directory })
    assert.deepEqual(addresses(again), addresses(plan))
    assert.equal(again.isResumed, true)
  })

  it('is rejected when its flags contradict the existing data', async () => {
    await planDemo({ dataDir: directory, ports })
    await assert.rejects(planDemo({ dataDir: directory, nodes: 5 }), /belongs to 3 nodes with ports/)
    await assert.rejects(planDemo({ dataDir: directory, ports: '30001-30003' }), { exitCode: 2 })
  })

  it('is rejected when a requested port is in use', async () => {
    const server = await listening(Number(ports.split('-')[1]))
    await assert.rejects(planDemo({ dataDir: directory, ports }), { code: 'ERR_RAFT_PORT_IN_USE' })
    server.close()
  })

  it('is rejected when a port of the existing data is in use', async () => {
    await planDemo({ dataDir: directory, ports })
    const server = await listening(Number(ports.split('-')[1]))
    await assert.rejects(planDemo({ dataDir: directory }), (error: { code: string; hint: string }) => {
      assert.equal(error.code, 'ERR_RAFT_PORT_IN_USE')
      assert.match(error.hint, /another terminal/)
      return true
    })
    server.close()
  })

  it('is rejected when the stored plan has another format', async () => {
    writeFileSync(join(directory, 'demo.json'), '{"schema":"quorate.demo/v9"}')
    await assert.rejects(planDemo({ dataDir: directory }), { code: 'ERR_RAFT_FORMAT' })
  })

  it('is rejected with too many nodes or too few ports', async () => {
    await assert.rejects(planDemo({ dataDir: directory, nodes: 10 }), { exitCode: 2 })
    await assert.rejects(planDemo({ dataDir: directory, ports: '7001-7002' }), /does not contain 3 ports/)
  })
})

function addresses(plan: DemoPlan): string[] {
  return plan.nodes.map(({ address }) => address)
}

async function listening(port: number): Promise<Server> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  assert.equal((server.address() as AddressInfo).port, port)
  return server
}
