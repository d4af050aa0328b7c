import assert from 'node:assert/strict'
import type { Socket } from 'node:net'
import { createServer } from 'node:net'
import type { ServerDuplexStream } from '@grpc/grpc-js'
import { Metadata } from '@grpc/grpc-js'
import fc from 'fast-check'
import { connect } from '../../../src/connect.ts'
import type { CallOptions } from '../../../src/contracts/node-service.ts'
import { RaftError } from '../../../src/errors.ts'
import { GrpcServer } from '../../../src/grpc/grpc-server.ts'
import { clientDefinition, method } from '../../../src/grpc/shared/service-definitions.ts'
import type { RequestFrame, ResponseFrame } from '../../../src/grpc/shared/stream-frames.ts'
import { aborted, channelTo, disposeAll, disposeLater, EchoNode, serve } from '../echo-node.ts'
import { TcpProxy } from '../tcp-proxy.ts'

describe('a client channel over gRPC', () => {
  afterEach(disposeAll)

  it('carries a proposal there and its result back', async () => {
    const node = new EchoNode()
    const { address } = await serve(node)
    const { index, term, result } = await channelTo(address).propose(Buffer.from('hello'))
    assert.deepEqual([index, term, Buffer.from(result).toString()], [1, 3, 'hello'])
    const granted = node.calls[0]?.options.timeoutMs ?? 0
    assert.ok(granted > 1000 && granted <= 4900, `the node was given ${granted} of 5000 ms`)
  })

  for (const mode of ['linearizable', 'lease', 'local'] as const)
    it(`carries a query of mode ${mode}, and the applied index of its answer`, async () => {
      const node = new EchoNode()
      const { address } = await serve(node)
      const { answer, appliedIndex } = await channelTo(address).query(Buffer.from('q'), { mode })
      assert.deepEqual([Buffer.from(answer).toString(), appliedIndex], ['q', 8])
      assert.equal(node.calls[0]?.options.mode, mode)
    })

  it('carries a status whole', async () => {
    const node = new EchoNode()
    node.report = {
      ...node.report,
      votedFor: undefined,
      stopped: 'the disk failed',
      freeBytes: 2 ** 50,
      loopDelayMs: 1.25,
      isTransferring: true,
      isRemoved: true,
      isMembershipCommitted: false,
      pendingProposals: 17,
      commitIndex: Number.MAX_SAFE_INTEGER,
      peers: [
        {
          id: 'n2',
          state: 'replicate',
          matchIndex: 8,
          nextIndex: 9,
          inflightMessages: 1,
          inflightBytes: 99,
          silentMs: 12.5,
        },
        {
          id: 'n3',
          state: 'snapshot',
          matchIndex: 0,
          nextIndex: 1,
          inflightMessages: 0,
          inflightBytes: 0,
          silentMs: undefined,
        },
      ],
    }
    const { address } = await serve(node)
    assert.deepEqual(await channelTo(address).status(), node.report)
  })

  it('carries a change of the membership, a transfer and a snapshot', async () => {
    const node = new EchoNode()
    const channel = channelTo((await serve(node)).address)
    const change = {
      add: [{ id: 'n4', address: '127.0.0.1:7004', promote: true }],
      promote: ['n3'],
      demote: ['n2'],
      remove: ['n1'],
      move: [{ id: 'n2', address: '127.0.0.1:7005' }],
    }
    assert.deepEqual(await channel.changeMembership(change), { index: 5 })
    assert.deepEqual(await channel.transferLeadership('n2'), { leader: 'n2' })
    assert.deepEqual(await channel.transferLeadership(undefined), { leader: undefined })
    assert.equal((await channel.takeSnapshot()).size, 2 ** 40)
    assert.deepEqual(
      node.calls.map(({ what }) => what),
      [change, 'n2', undefined, undefined],
    )
  })

  it('carries what a refusal says, on the stream and beside it', async () => {
    const node = new EchoNode()
    const leader = { id: 'n2', address: '127.0.0.1:7002', term: 4 }
    const refuse = async (): Promise<never> => {
      throw new RaftError('ERR_RAFT_NOT_LEADER', 'n2 leads', { leader, hint: 'ask n2', details: { term: 4 } })
    }
    node.propose = refuse
    node.change = refuse
    const channel = channelTo((await serve(node)).address)
    const expected = {
      code: 'ERR_RAFT_NOT_LEADER',
      outcome: 'not-applied',
      retryable: true,
      leader,
      hint: 'ask n2',
      details: { term: 4 },
    }
    await assert.rejects(channel.propose(Buffer.from('a')), expected)
    await assert.rejects(channel.changeMembership({ remove: ['n1'] }), expected)
  })

  it('keeps thousands of proposals apart', async () => {
    const node = new EchoNode()
    node.propose = async (command) => {
      if ((command[0] as number) % 3 === 0) await new Promise((resolve) => setImmediate(resolve))
      return { index: 1, term: 1, result: command }
    }
    const channel = channelTo((await serve(node)).address)
    const commands = Array.from({ length: 10_000 }, (_, offset) => Buffer.from(Uint32Array.of(offset).buffer))
    const results = await Promise.all(commands.map((command) => channel.propose(command)))
    for (const [offset, { result }] of results.entries()) assert.deepEqual(Buffer.from(result), commands[offset])
  })

  it('carries a command and an answer of several megabytes', async () => {
    const channel = channelTo((await serve(new EchoNode(), { commandBytesMax: 3_000_000 })).address)
    const large = Buffer.alloc(3_000_000, 7)
    assert.ok(Buffer.from((await channel.propose(large)).result).equals(large))
  })

  it('says of an address where nobody listens that nothing was applied, at once', async () => {
    const channel = channelTo('127.0.0.1:1')
    const expected = { code: 'ERR_RAFT_UNREACHABLE', outcome: 'not-applied', message: /ECONNREFUSED/ }
    await assert.rejects(channel.propose(Buffer.from('a')), expected)
    await assert.rejects(channel.status(), expected)
    await assert.rejects(channel.changeMembership({ remove: ['n1'] }), expected)
  })

  it('says the same of an address that takes connections and never speaks', async () => {
    const sockets: Socket[] = []
    const mute = createServer((socket) => sockets.push(socket)).listen(0, '127.0.0.1')
    await new Promise((resolve) => mute.once('listening', resolve))
    disposeLater(async () => {
      mute.close()
      for (const socket of sockets) socket.destroy()
    })
    const channel = channelTo(`127.0.0.1:${(mute.address() as { port: number }).port}`, { connectTimeoutMs: 100 })
    await assert.rejects(channel.propose(Buffer.from('a')), {
      code: 'ERR_RAFT_UNREACHABLE',
      outcome: 'not-applied',
      message: /no connection within 100 ms/,
    })
    await assert.rejects(channel.propose(Buffer.from('a')), { code: 'ERR_RAFT_UNREACHABLE' })
    assert.equal(sockets.length, 1, 'each attempt would leave a socket behind')
  })

  it('does not know what became of a proposal that was under way when the connection broke, and connects again', async () => {
    const node = new EchoNode()
    const proxy = await proxyTo((await serve(node)).address)
    const channel = channelTo(proxy.address)
    await channel.propose(Buffer.from('a'))
    node.propose = () => new Promise(() => undefined)
    const lost = channel.propose(Buffer.from('b'))
    node.query = () => new Promise(() => undefined)
    const lostRead = channel.query(Buffer.from('r'), { mode: 'local' })
    await node.waitForCalls('query')
    proxy.cut()
    await assert.rejects(lost, { code: 'ERR_RAFT_OUTCOME_UNKNOWN', outcome: 'unknown', retryable: false })
    await assert.rejects(lostRead, { code: 'ERR_RAFT_READ_FAILED', retryable: true })
    proxy.heal()
    node.propose = async (command) => ({ index: 1, term: 1, result: command })
    await reconnected(() => channel.propose(Buffer.from('c'), { timeoutMs: 500 }))
  })

  it('drops a connection that has gone silent, and gets another', async () => {
    const node = new EchoNode()
    const proxy = await proxyTo((await serve(node)).address)
    const channel = channelTo(proxy.address, { silenceMsMax: 100, connectTimeoutMs: 200 })
    await channel.propose(Buffer.from('a'))
    proxy.stall()
    await assert.rejects(channel.propose(Buffer.from('b'), { timeoutMs: 150 }), { outcome: 'unknown' })
    await assert.rejects(channel.propose(Buffer.from('c'), { timeoutMs: 150 }), { outcome: 'not-applied' })
    proxy.cut()
    proxy.resume()
    proxy.heal()
    await reconnected(() => channel.propose(Buffer.from('d'), { timeoutMs: 500 }))
    assert.ok(!node.calls.some(({ what }) => String(what) === 'c'), 'c was said not to be applied, and was never seen')
  })

  it('ends an administrative call that is aborted, and tells the node', async () => {
    const node = new EchoNode()
    node.change = () => new Promise(() => undefined)
    const channel = channelTo((await serve(node)).address)
    const abort = new AbortController()
    const change = channel.changeMembership({ remove: ['n1'] }, { signal: abort.signal })
    const seen = await node.waitForCalls('change')
    abort.abort()
    await assert.rejects(change, { code: 'ERR_RAFT_OUTCOME_UNKNOWN', outcome: 'unknown' })
    await aborted(seen)
    await assert.rejects(channel.status({ signal: abort.signal }), { code: 'ERR_RAFT_ABORTED' })
  })

  it('settles everything when it is closed, and takes no more', async () => {
    const node = new EchoNode()
    node.propose = () => new Promise(() => undefined)
    const channel = channelTo((await serve(node)).address)
    const a = channel.propose(Buffer.from('a'))
    await node.waitForCalls('propose')
    const refusal = assert.rejects(a, { code: 'ERR_RAFT_OUTCOME_UNKNOWN' })
    await channel.close()
    await refusal
    for (const call of [channel.propose(Buffer.from('b')), channel.status(), channel.takeSnapshot()])
      await assert.rejects(call, { code: 'ERR_RAFT_CLOSED', outcome: 'not-applied' })
  })

  it('survives a server that answers with anything at all, and never calls a proposal not applied for that', async () => {
    const stream = method<RequestFrame, ResponseFrame>(clientDefinition(), 'Stream')
    const genuine = stream.responseSerialize({ responses: [{ id: 1, payload: Buffer.from('x'), index: 5, term: 6 }] })
    let answer = genuine
    let hasArrived = false
    const server = new GrpcServer({ listen: '127.0.0.1:0', shutdownGraceMs: 50 })
    const liar = (call: ServerDuplexStream<unknown, Buffer>): void => {
      call.sendMetadata(new Metadata())
      call.on('error', () => undefined)
      call.on('data', () => {
        hasArrived = true
        call.write(answer)
      })
      call.on('end', () => call.end())
    }
    server.addService({ Stream: { ...stream, responseSerialize: (bytes: Buffer) => bytes } }, { Stream: liar })
    await server.start()
    disposeLater(() => server.close())
    const channel = channelTo(server.address)
    await fc.assert(
      fc.asyncProperty(bent(genuine), async (bytes) => {
        answer = bytes
        hasArrived = false
        const told = channel.propose(Buffer.from('a'), { timeoutMs: 30 })
        await told.catch((error: RaftError) => {
          assert.ok(error instanceof RaftError, String(error))
          const isClaimed = error.details.code !== undefined
          assert.ok(error.outcome === 'unknown' || isClaimed || !hasArrived, `${error.code}: ${error.outcome}`)
        })
      }),
      { numRuns: 100 },
    )
  })

  it('listens to a signal once for all calls that share it, and no longer than they last', async () => {
    const channel = channelTo((await serve()).address)
    const { signal } = new AbortController()
    const listeners = { added: 0, removed: 0 }
    const add = signal.addEventListener.bind(signal)
    const remove = signal.removeEventListener.bind(signal)
    signal.addEventListener = (...args: Parameters<typeof add>) => {
      listeners.added++
      add(...args)
    }
    signal.removeEventListener = (...args: Parameters<typeof remove>) => {
      listeners.removed++
      remove(...args)
    }
    const options: CallOptions = { signal }
    await Promise.all(Array.from({ length: 20 }, () => channel.propose(Buffer.from('a'), options)))
    await channel.status(options)
    assert.deepEqual(listeners, { added: 2, removed: 2 })
  })
})

describe('connect', () => {
  afterEach(disposeAll)

  it('makes a client over gRPC that finds the leader', async () => {
    const leader = new EchoNode()
    const follower = new EchoNode()
    const led = await serve(leader)
    follower.propose = async () => {
      throw new RaftError('ERR_RAFT_NOT_LEADER', 'n2 leads', { leader: { id: 'n2', address: led.address, term: 2 } })
    }
    const endpoints = [(await serve(follower)).address, led.address]
    const client = await connect<{ add: number }, { add: number }>({ endpoints, grpc: { connectTimeoutMs: 500 } })
    disposeLater(() => client.close())
    assert.deepEqual(await client.propose({ add: 1 }), { add: 1 })
    assert.equal(leader.count('propose'), 1)
    assert.deepEqual(
      (await client.status()).slice(0, 2).map((said) => 'status' in said),
      [true, true],
    )
  })
})

async function proxyTo(address: string): Promise<TcpProxy> {
  const proxy = await new TcpProxy(address).listen()
  disposeLater(() => proxy.close())
  return proxy
}

/** Tries until it works: a channel does not say when it is connected again. The last failure is the test's. */
async function reconnected(action: () => Promise<unknown>): Promise<void> {
  const until = Date.now() + 5000
  for (;;) {
    try {
      await action()
      return
    } catch (error) {
      if (Date.now() > until) throw error
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
  }
}

/** The bytes with one changed, cut short, or quite different ones. */
function bent(genuine: Buffer): fc.Arbitrary<Buffer> {
  const place = fc.nat(genuine.length - 1)
  return fc.oneof(
    fc.tuple(place, fc.nat(255)).map(([at, byte]) => {
      const bytes = Buffer.from(genuine)
      bytes[at] = byte
      return bytes
    }),
    place.map((end) => genuine.subarray(0, end)),
    fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes)),
  )
}
