/** A client whose certificate is in files takes what is in them for each connection that it opens. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect } from '../../../src/connect.ts'
import type { RaftError } from '../../../src/errors.ts'
import { KeyValueMachine, kvCommandCodec } from '../../../src/kv/index.ts'
import { MemoryDisk, MemoryStorage } from '../../../src/memory/index.ts'
import type { TlsOptions } from '../../../src/peer-link/tls-options.ts'
import { startNode } from '../../../src/start-node.ts'
import { TcpProxy } from '../../../src/testing/network/tcp-proxy.ts'
import { freePort } from '../../e2e/real-cluster.ts'
import { nodeTls, roleTls } from '../../peer-link/certificates.ts'

const LOST = ['ERR_RAFT_UNREACHABLE', 'ERR_RAFT_OUTCOME_UNKNOWN']

describe('a client with its certificate in files', () => {
  let directory: string
  before(() => {
    directory = mkdtempSync(join(tmpdir(), 'quorate-client-tls-'))
  })
  after(() => rmSync(directory, { recursive: true, force: true }))

  it('uses the renewed one for the next connection, and keeps the one before while the files do not fit', async () => {
    const files = { caFile: join(directory, 'ca'), certFile: join(directory, 'cert'), keyFile: join(directory, 'key') }
    const write = ({ ca = '', cert, key }: TlsOptions): void => {
      writeFileSync(files.caFile, ca)
      writeFileSync(files.certFile, cert)
      writeFileSync(files.keyFile, key)
    }
    const listen = `127.0.0.1:${await freePort()}`
    const storage = new MemoryStorage({ disk: new MemoryDisk() })
    const node = await startNode({
      ...{ id: 'n1', peers: { n1: listen }, cluster: 'test', listen, tls: await nodeTls('n1'), storage },
      ...{ stateMachine: new KeyValueMachine(), codec: kvCommandCodec },
    })
    await node.until(({ role }) => role === 'leader')
    const proxy = await new TcpProxy(listen).listen()
    write(await roleTls('observer'))
    const client = await connect({ endpoints: [proxy.address], tls: files, timeoutMs: 2000, codec: kvCommandCodec })
    // The first call after a reset may find out that the connection is gone.
    const take = (): Promise<unknown> =>
      client
        .takeSnapshot({ endpoint: proxy.address })
        .catch((error: RaftError) => (LOST.includes(error.code) ? take() : Promise.reject(error)))
    const refused = (role: string) => (error: RaftError) =>
      error.code === 'ERR_RAFT_UNAUTHORIZED' && error.message.includes(`seen the role ${role}`)
    await assert.rejects(take(), refused('observer'))
    write(await roleTls('client'))
    await assert.rejects(take(), refused('observer'), 'the connection is still open')
    proxy.reset()
    await assert.rejects(take(), refused('client'))
    const warnings: string[] = []
    const onWarning = ({ message }: Error): void => void warnings.push(message)
    process.on('warning', onWarning)
    writeFileSync(files.certFile, 'half a certifi')
    for (const _ of [1, 2]) {
      proxy.reset()
      await assert.rejects(take(), refused('client'))
    }
    process.off('warning', onWarning)
    assert.equal(warnings.length, 1)
    assert.match(
      warnings[0] as string,
      /^renewed certificate files cannot be used, and those from before stay in use: tls has /,
    )
    write(await roleTls('admin'))
    proxy.reset()
    await take()
    await client.close()
    await proxy.close()
    await node.close()
  })

  it('rejects files that cannot be read, and a certificate without its key', async () => {
    const endpoints = ['127.0.0.1:7001']
    const missing = { caFile: join(directory, 'missing') }
    await assert.rejects(connect({ endpoints, tls: missing }), /tls caFile cannot be read: ENOENT/)
    await assert.rejects(connect({ endpoints, tls: { certFile: 'x' } }), /must have both `keyFile` and `certFile`/)
  })
})
