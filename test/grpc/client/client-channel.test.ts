import assert from 'node:assert/strict'
import type { Socket } from 'node:net'
import { createServer } from 'node:net'
import type { ServerDuplexStream } from '@grpc/grpc-js'
import { Metadata } from '@grpc/grpc-js'
import fc from 'fast-check'
import { connect } from '../../../src/connect.ts'
import type { CallOptions } from '../../../src/contracts/node-service.ts'
import { RaftError } from '../../../src/errors.ts'
import { proposalKind } from '../../../src/grpc/client/request-stream.ts'
import { GrpcServer } from '../../../src/grpc/grpc-server.ts'
import { clientDefinition, method } from '../../../src/grpc/shared/service-definitions.ts'
import type { RequestFrame, ResponseFrame } from '../../../src/grpc/shared/stream-frames.ts'
import { wireReadOf } from '../../../src/grpc/shared/stream-frames.ts'
import { TcpProxy } from '../../../src/testing/network/tcp-proxy.ts'
import { aborted, channelTo, disposeAll, disposeLater, EchoNode, serve } from '../echo-node.ts'

describe('a client channel over gRPC', () => {
  afterEach(disposeAll)

  it('sends a proposal and returns its result', async () => {
    const node = new EchoNode()
    const { address } = await serve(node)
    const { index, term, result } = await channelTo(address).propose(Buffer.from('hello'))
    assert.deepEqual([index, term, Buffer.from(result).toString()], [1, 3, 'hello'])
    const timeoutMs = node.calls[0]?.options.timeoutMs ?? 0
    assert.ok(timeoutMs > 1000 && timeoutMs <= 4900, `the node's timeout is ${timeoutMs} of 5000 ms`)
  })

  it('registers a session, and sends the session of a command', async () => {
    const node = new EchoNode()
    const { address } = await serve(node)
    const channel = channelTo(address)
    const { id, clusterId } = await channel.registerSession({ timeoutMs: 1000 })
    const sent = [{ id, clusterId, sequence: 7, lowest: 5 }, { id: 2 ** 53 - 1, sequence: 1 }, undefined] as const
    for (const session of sent) await channel.propose(Buffer.from('hello'), { session })
    const received = node.calls.filter(({ kind }) => kind === 'propose').map(({ options }) => options.session)
    assert.deepEqual([id, clusterId], [11, 'test'])
    assert.deepEqual(received, [sent[0], { ...sent[1], lowest: undefined, clusterId: undefined }, undefined])
  })

  it('sends the term that a proposal expects, with a kind that older nodes reject', async () => {
    const node = new EchoNode()
    const { address } = await serve(node)
    const channel = channelTo(address)
    for (const expectTerm of [2 ** 53 - 1, undefined]) await channel.propose(Buffer.from('a'), { expectTerm })
    assert.deepEqual(
      node.calls.map(({ options }) => options.expectTerm),
      [2 ** 53 - 1, undefined],
    )
    assert.equal(proposalKind(1), 'REQUEST_KIND_PROPOSE_IN_TERM')
    assert.equal(proposalKind(undefined), 'REQUEST_KIND_PROPOSE')
  })

  it('sends the index that a read waits for', async () => {
    const node = new EchoNode()
    const { address } = await serve(node)
    const channel = channelTo(address)
    await channel.query(Buffer.from('q'), { mode: 'local', atLeast: 2 ** 53 - 1 })
    await channel.query(Buffer.from('q'), { mode: 'local' })
    assert.deepEqual(
      node.calls.map(({ options }) => options.atLeast),
      [2 ** 53 - 1, undefined],
    )
  })

  it('sends the greatest age of a state, with a mode that older nodes reject', async () => {
    const node = new EchoNode()
    const { address } = await serve(node)
    const channel = channelTo(address)
    await channel.query(Buffer.from('q'), { mode: 'local', maxStalenessMs: 2 ** 31 - 1, atLeast: 7 })
    await channel.query(Buffer.from('q'), { mode: 'local' })
    assert.deepEqual(
      node.calls.map(({ options: { mode, maxStalenessMs, atLeast } }) => [mode, maxStalenessMs, atLeast]),
      [
        ['local', 2 ** 31 - 1, 7],
        ['local', undefined, undefined],
      ],
    )
    assert.equal(wireReadOf({ mode: 'local', maxStalenessMs: 1 }).mode, 'READ_MODE_BOUNDED')
  })

  for (const mode of ['linearizable', 'lease', 'local'] as const)
    it(`sends a query of mode ${mode} and returns its answer and applied index`, async () => {
      const node = new EchoNode()
      const { address } = await serve(node)
      const { answer, appliedIndex } = await channelTo(address).query(Buffer.from('q'), { mode })
      assert.deepEqual([Buffer.from(answer).toString(), appliedIndex], ['q', 8])
      assert.equal(node.calls[0]?.options.mode, mode)
    })

  it('transfers every field of a status', async () => {
    const node = new EchoNode()
    node.report = {
      ...node.report,
      votedFor: undefined,
      stopped: 'the disk failed',
      freeBytes: 2 ** 50,
      storage: 'segments',
      loopDelayMs: 1.25,
      fetching: { from: 'n2', index: 7, bytes: 2 ** 33, size: 2 ** 40 },
      protocol: { min: 2, max: 3, peers: [{ id: 'n2', version: 3 }] },
      queues: [
        { limit: 'a', peer: 'n2', used: 2 ** 40, max: Number.MAX_SAFE_INTEGER },
        { limit: 'b', peer: undefined, used: 0, max: 1 },
      ],
      appliedPerSecond: 0.5,
      sessions: { count: 1, repeated: 2 ** 40, timedOut: 3, evicted: 4 },
      machine: { inForce: 2, supported: 3, peers: [{ id: 'n2', supported: 4 }] },
      protection: 'tls',
      certificateExpiresAt: 1_800_000_000_000,
      timing: {
        heartbeatIntervalMs: 100,
        electionTimeoutMinMs: 750,
        electionTimeoutMaxMs: 1500.5,
        writeMs: 12.75,
        pendingWriteMs: 8.5,
      },
      alarms: [
        { code: 'SPACE_LOW', peer: undefined, forMs: 0.5, message: 'free space', details: { freeBytes: '1' } },
        { code: 'A', peer: 'n2', forMs: 2, message: '', details: {} },
      ],
      isTransferring: true,
      isRemoved: true,
      isMembershipCommitted: false,
      pendingProposals: 17,
      moved: [{ id: 'n3', address: '127.0.0.1:7013' }],
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
          responseMs: 5,
          isReplicating: true,
          hasLostEntries: false,
          applyLag: 2 ** 40,
        },
        {
          id: 'n3',
          state: 'snapshot',
          matchIndex: 0,
          nextIndex: 1,
          inflightMessages: 0,
          inflightBytes: 0,
          silentMs: undefined,
          responseMs: 5,
          isReplicating: false,
          hasLostEntries: true,
          applyLag: 0,
        },
      ],
    }
    const { address } = await serve(node)
    assert.deepEqual(await channelTo(address).status(), node.report)
  })

  it('transfers membership changes, leadership transfers and snapshot requests', async () => {
    const node = new EchoNode()
    const channel = channelTo((await serve(node)).address)
    const change = {
      add: [{ id: 'n4', address: '127.0.0.1:7004', promote: true }],
      promote: ['n3'],
      demote: ['n2'],
      remove: ['n1'],
      move: [{ id: 'n2', address: '127.0.0.1:7005' }],
      ifIndex: 7,
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

  it('transfers the facts of an error, on the stream and in unary calls', async () => {
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

  it('gives each of thousands of concurrent proposals its own result', async () => {
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

  it('transfers commands and results of several megabytes', async () => {
    const channel = channelTo((await serve(new EchoNode(), { commandBytesMax: 3_000_000 })).address)
    const large = Buffer.alloc(3_000_000, 7)
    assert.ok(Buffer.from((await channel.propose(large)).result).equals(large))
  })

  it('reports a closed port as unreachable at once, with the outcome not-applied', async () => {
    const channel = channelTo('127.0.0.1:1')
    const expected = { code: 'ERR_RAFT_UNREACHABLE', outcome: 'not-applied', message: /ECONNREFUSED/ }
    await assert.rejects(channel.propose(Buffer.from('a')), expected)
    await assert.rejects(channel.status(), expected)
    await assert.rejects(channel.changeMembership({ remove: ['n1'] }), expected)
  })

  it('reports an address that accepts connections without answering as unreachable', async () => {
    const sockets: Socket[] = []
    const unresponsive = createServer((socket) => sockets.push(socket)).listen(0, '127.0.0.1')
    await new Promise((resolve) => unresponsive.once('listening', resolve))
    disposeLater(async () => {
      unresponsive.close()
      for (const socket of sockets) socket.destroy()
    })
    const channel = channelTo(`127.0.0.1:${(unresponsive.address() as { port: number }).port}`, {
      connectTimeoutMs: 100,
    })
    await assert.rejects(channel.propose(Buffer.from('a')), {
      code: 'ERR_RAFT_UNREACHABLE',
      outcome: 'not-applied',
      message: /no connection within 100 ms/,
    })
    await assert.rejects(channel.propose(Buffer.from('a')), { code: 'ERR_RAFT_UNREACHABLE' })
    assert.equal(sockets.length, 1, 'a second attempt would leave another socket open')
  })

  it('reports the outcome of a sent proposal as unknown if the connection breaks, and reconnects', async () => {
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
    await retryUntilConnected(() => channel.propose(Buffer.from('c'), { timeoutMs: 500 }))
  })

  it('replaces a connection that no longer responds', async () => {
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
    await retryUntilConnected(() => channel.propose(Buffer.from('d'), { timeoutMs: 500 }))
    assert.ok(
      !node.calls.some(({ what }) => String(what) === 'c'),
      'c was reported as not applied, so no node may receive it',
    )
  })

  it('cancels an aborted admin call, also at the node', async () => {
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

  it('rejects pending and later calls when it is closed', async () => {
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

  it('does not report a proposal as not applied because of a malformed response', async () => {
    const stream = method<RequestFrame, ResponseFrame>(clientDefinition(), 'Stream')
    const genuine = stream.responseSerialize({ responses: [{ id: 1, payload: Buffer.from('x'), index: 5, term: 6 }] })
    let answer = genuine
    let hasArrived = false
    const server = new GrpcServer({ listen: '127.0.0.1:0', shutdownGraceMs: 50 })
    const serveMalformed = (call: ServerDuplexStream<unknown, Buffer>): void => {
      call.sendMetadata(new Metadata())
      call.on('error', () => undefined)
      call.on('data', () => {
        hasArrived = true
        call.write(answer)
      })
      call.on('end', () => call.end())
    }
    server.addService(
      { Stream: { ...stream, responseSerialize: (bytes: Buffer) => bytes } },
      { Stream: serveMalformed },
    )
    await server.start()
    disposeLater(() => server.close())
    const channel = channelTo(server.address)
    await fc.assert(
      fc.asyncProperty(malformed(genuine), async (bytes) => {
        answer = bytes
        hasArrived = false
        const proposal = channel.propose(Buffer.from('a'), { timeoutMs: 30 })
        await proposal.catch((error: RaftError) => {
          assert.ok(error instanceof RaftError, String(error))
          const isClaimed = error.details.code !== undefined
          assert.ok(error.outcome === 'unknown' || isClaimed || !hasArrived, `${error.code}: ${error.outcome}`)
        })
      }),
      { numRuns: 100 },
    )
  })

  it('adds one listener to a signal that calls share, and removes it after the last call', async () => {
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

  it('returns a client over gRPC that finds the leader', async () => {
    const leader = new EchoNode()
    const follower = new EchoNode()
    const leaderServer = await serve(leader)
    follower.propose = async () => {
      throw new RaftError('ERR_RAFT_NOT_LEADER', 'n2 leads', {
        leader: { id: 'n2', address: leaderServer.address, term: 2 },
      })
    }
    const endpoints = [(await serve(follower)).address, leaderServer.address]
    const client = await connect<{ add: number }, { add: number }>({ endpoints, grpc: { connectTimeoutMs: 500 } })
    disposeLater(() => client.close())
    assert.deepEqual(await client.propose({ add: 1 }), { add: 1 })
    assert.equal(leader.count('propose'), 1)
    assert.deepEqual(
      (await client.status()).slice(0, 2).map((result) => 'status' in result),
      [true, true],
    )
  })
})

async function proxyTo(address: string): Promise<TcpProxy> {
  const proxy = await new TcpProxy(address).listen()
  disposeLater(() => proxy.close())
  return proxy
}

/** Repeats the action until it succeeds: a channel does not report when it has reconnected. Throws the last error after 5 s. */
async function retryUntilConnected(action: () => Promise<unknown>): Promise<void> {
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

/** The bytes with one byte changed or truncated, or random bytes. */
function malformed(genuine: Buffer): fc.Arbitrary<Buffer> {
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
