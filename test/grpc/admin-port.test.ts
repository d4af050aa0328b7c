/** A port of its own for admins: what is served there and what is not, and how clients find it. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect as connectSocket } from 'node:net'
import { ChannelCredentials, Client } from '@grpc/grpc-js'
import { ROLE_OF_RPC, roleOfRpc } from '../../src/access/rpc-roles.ts'
import { connect } from '../../src/connect.ts'
import type { RaftError } from '../../src/errors.ts'
import { ADMIN_PORT_LIMITS } from '../../src/grpc/admin-port.ts'
import { grpcChannelFactory } from '../../src/grpc/client/client-channel.ts'
import { adminAddressIn, servedAtAdminPort } from '../../src/grpc/shared/admin-address.ts'
import { fromStatus } from '../../src/grpc/shared/status-codes.ts'
import { KeyValueMachine, kvCommandCodec } from '../../src/kv/index.ts'
import { MemoryDisk, MemoryStorage } from '../../src/memory/index.ts'
import type { TlsOptions } from '../../src/peer-link/tls-options.ts'
import { startNode } from '../../src/start-node.ts'
import { freePort } from '../e2e/real-cluster.ts'
import { nodeTls, roleTls } from '../peer-link/certificates.ts'

describe('a port for admins', () => {
  const closing: { close(): unknown }[] = []
  afterEach(async () => {
    for (const each of closing.splice(0).reverse()) await each.close()
  })

  const start = async (
    adminListen: string,
    more: { tls?: TlsOptions; commandBytesMax?: number; blockBytesMax?: number } = {},
  ) => {
    const listen = `127.0.0.1:${await freePort()}`
    const storage = new MemoryStorage({ disk: new MemoryDisk() })
    const options = { id: 'n1', peers: { n1: listen }, cluster: 'test', listen, adminListen, ...more, storage }
    const node = await startNode({ ...options, stateMachine: new KeyValueMachine(), codec: kvCommandCodec })
    closing.push(node)
    await node.until(({ role }) => role === 'leader')
    return { node, listen, change: { add: [{ id: 'n2', address: '127.0.0.1:1' }] } }
  }
  const client = async (endpoint: string, tls?: TlsOptions) => {
    const made = await connect({ endpoints: [endpoint], tls, timeoutMs: 2000, codec: kvCommandCodec })
    closing.push(made)
    return made
  }

  it('serves there what needs the role admin, and a client of the other port calls it', async () => {
    const admin = `127.0.0.1:${await freePort()}`
    const { listen, change } = await start(admin)
    const raft = await client(listen)
    await raft.propose({ type: 'put', key: 'k', value: Buffer.from('v') })
    const { index } = await raft.changeMembership(change)
    const { id } = await raft.takeSnapshot()
    assert.ok(index > 1)
    assert.ok((await raft.readSnapshot(id, 0, { endpoint: listen })).length > 0)
    assert.equal((await raft.status())[0]?.address, listen)
    const there = await client(admin)
    await there.propose({ type: 'put', key: 'k', value: Buffer.from('w') })
    await there.changeMembership({ remove: ['n2'] })
  })

  it('refuses such a call at the port of clients with an error that names the port, and serves no peers', async () => {
    const admin = `127.0.0.1:${await freePort()}`
    const { listen } = await start(admin)
    for (const path of Object.keys(ROLE_OF_RPC).filter((each) => roleOfRpc(each) === 'admin')) {
      const refused = await rawCall(listen, path)
      assert.equal(refused.code, 'ERR_RAFT_UNAUTHORIZED', path)
      assert.match(refused.message, new RegExp(`^\\w+ is served only at ${admin}, the port of this node for admins$`))
      assert.equal(refused.outcome, 'not-applied')
    }
    assert.match((await rawCall(admin, '/quorate.v1.Peer/Link')).message, /UNIMPLEMENTED/)
  })

  it('is not followed by a client on another machine if it is on the loopback interface of the node', () => {
    const refusal = servedAtAdminPort('/quorate.v1.Admin/ChangeMembership', '127.0.0.1:7101')
    assert.equal(adminAddressIn(refusal, '10.0.0.1:7001'), undefined)
    assert.equal(adminAddressIn(refusal, '127.0.0.1:7001'), '127.0.0.1:7101')
    assert.equal(adminAddressIn(servedAtAdminPort('/a.B/C', '10.0.0.1:7101'), '10.0.0.1:7001'), '10.0.0.1:7101')
    for (const wrong of ['no address', '10.0.0.1:99999', '10.0.0.1:0'])
      assert.equal(adminAddressIn(servedAtAdminPort('/a.B/C', wrong), '10.0.0.1:7001'), undefined)
  })

  it('checks the role before it names the port', async () => {
    const admin = `127.0.0.1:${await freePort()}`
    const { listen, change } = await start(admin, { tls: await nodeTls('n1') })
    for (const endpoint of [listen, admin]) {
      const reader = await client(endpoint, await roleTls('client'))
      await assert.rejects(reader.changeMembership(change), (error: RaftError) => {
        assert.equal(error.code, 'ERR_RAFT_UNAUTHORIZED')
        assert.match(error.message, /ChangeMembership needs the role admin, seen the role client/)
        return true
      })
    }
    const operator = await client(listen, await roleTls('admin'))
    await operator.changeMembership(change)
  })

  it('takes commands as large as the other port does', async () => {
    const admin = `127.0.0.1:${await freePort()}`
    const bytesMax = 8 * 1024 * 1024
    const { listen } = await start(admin, { commandBytesMax: bytesMax, blockBytesMax: bytesMax })
    const large = Buffer.alloc(bytesMax / 2 + 1024)
    for (const endpoint of [listen, admin]) {
      // A client continues at the address of the leader, a channel does not.
      const channel = grpcChannelFactory()(endpoint)
      closing.push(channel)
      await channel.propose(kvCommandCodec.encode({ type: 'put', key: 'k', value: large }), { timeoutMs: 10_000 })
    }
  })

  it('has an alarm of its own when it closes connections', async () => {
    const admin = `127.0.0.1:${await freePort()}`
    const { node } = await start(admin)
    const [host, port] = admin.split(':')
    for (let made = 0; made <= ADMIN_PORT_LIMITS.connectionsMax; made++) {
      const socket = connectSocket(Number(port), host).on('error', () => undefined)
      closing.push({ close: () => socket.destroy() })
      await once(socket, 'connect')
    }
    const { alarms } = await node.until((status) => status.alarms.length > 0)
    assert.deepEqual(
      alarms.map(({ code }) => code),
      ['ADMIN_CONNECTIONS_CLOSED'],
    )
    assert.match(alarms[0]?.message ?? '', /^at the port for admins, connections were closed .* has 64 already/)
  })

  it('is refused as an option without TLS where other machines reach it, and if it is the port of clients', async () => {
    const storage = new MemoryStorage({ disk: new MemoryDisk() })
    const options = { id: 'n1', peers: { n1: '127.0.0.1:7001' }, storage, stateMachine: new KeyValueMachine() }
    const listen = '127.0.0.1:7001'
    for (const [adminListen, problem] of [
      ['0.0.0.0:7101', /adminListen \(0\.0\.0\.0:7101\) can be reached from other machines/],
      [listen, /adminListen must differ from `listen`/],
    ] as const)
      await assert.rejects(startNode({ ...options, listen, adminListen, codec: kvCommandCodec }), problem)
  })
})

/** The error of a call that has no content, as a client that does not follow it sees it. */
async function rawCall(address: string, path: string): Promise<RaftError> {
  const client = new Client(address, ChannelCredentials.createInsecure())
  const bytes = (value: Buffer): Buffer => value
  try {
    return await new Promise((resolve, reject) => {
      client.makeUnaryRequest(path, bytes, bytes, Buffer.alloc(0), (error) => {
        if (error === null) reject(new Error(`${path} was served`))
        else resolve(fromStatus(error, address, 'not-applied'))
      })
    })
  } finally {
    client.close()
  }
}
