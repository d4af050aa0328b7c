import assert from 'node:assert/strict'
import type { ClientHttp2Stream } from 'node:http2'
import { connect as connectHttp2 } from 'node:http2'
import { connect as connectSocket } from 'node:net'
import type { ClientDuplexStream, ServiceError } from '@grpc/grpc-js'
import { Client, credentials, Metadata, status } from '@grpc/grpc-js'
import fc from 'fast-check'
import { RaftError } from '../../../src/errors.ts'
import { adminDefinition, clientDefinition, method } from '../../../src/grpc/shared/service-definitions.ts'
import { fromStatus } from '../../../src/grpc/shared/status-codes.ts'
import type { RequestFrame, ResponseFrame, WireRequest, WireResponse } from '../../../src/grpc/shared/stream-frames.ts'
import { aborted, channelTo, disposeAll, disposeLater, EchoNode, serve } from '../echo-node.ts'

describe('the client service', () => {
  afterEach(disposeAll)

  it('announces its limits in the response headers', async () => {
    const { address } = await serve(new EchoNode(), { commandBytesMax: 5, streamRequestsMax: 6, streamBytesMax: 7 })
    const stream = openStream(address)
    const headers = await new Promise<Metadata>((resolve) => stream.on('metadata', resolve))
    assert.deepEqual(
      ['raft-command-bytes-max', 'raft-stream-requests-max', 'raft-stream-bytes-max'].map((key) => headers.get(key)[0]),
      ['5', '6', '7'],
    )
  })

  it('sends the responses of one turn in one frame', async () => {
    const stream = openStream((await serve()).address)
    stream.write({ requests: Array.from({ length: 50 }, (_, offset) => proposal(offset + 1)) })
    const frame = await nextFrame(stream)
    assert.equal(frame.responses.length, 50)
  })

  it('limits the timeout of a request to 30 s, and uses 5 s if there is none', async () => {
    const node = new EchoNode()
    const stream = openStream((await serve(node)).address)
    const times = [0, 1, 29_999, 4_000_000_000]
    stream.write({ requests: times.map((timeoutMs, offset) => ({ ...proposal(offset + 1), timeoutMs })) })
    await nextFrame(stream)
    assert.deepEqual(
      node.calls.map(({ options }) => options.timeoutMs),
      [5000, 1, 29_999, 30_000],
    )
  })

  it('rejects each invalid request of a frame, and answers the others', async () => {
    const stream = openStream((await serve(new EchoNode(), { commandBytesMax: 10 })).address)
    const requests = [
      proposal(1),
      { ...proposal(2), payload: Buffer.alloc(11) },
      { ...proposal(3), kind: 99 as unknown as WireRequest['kind'] },
      { ...proposal(4), kind: 'REQUEST_KIND_UNSPECIFIED' as const },
      { ...proposal(5), kind: 'REQUEST_KIND_QUERY' as const, mode: 77 as unknown as WireRequest['mode'] },
      proposal(6),
    ]
    stream.write({ requests })
    const answers = (await responses(stream, requests.length)).sort((a, b) => a.id - b.id)
    assert.deepEqual(
      answers.map(({ id, failure }) => [id, failure?.code, failure?.outcome]),
      [
        [1, undefined, undefined],
        [2, 'ERR_RAFT_TOO_LARGE', 'OUTCOME_NOT_APPLIED'],
        [3, 'ERR_RAFT_BAD_MESSAGE', 'OUTCOME_NOT_APPLIED'],
        [4, 'ERR_RAFT_BAD_MESSAGE', 'OUTCOME_NOT_APPLIED'],
        [5, 'ERR_RAFT_BAD_MESSAGE', 'OUTCOME_NOT_APPLIED'],
        [6, undefined, undefined],
      ],
    )
  })

  it('rejects requests beyond the window of the stream, in number and in bytes', async () => {
    const node = new EchoNode()
    node.propose = () => new Promise(() => undefined)
    const { address } = await serve(node, { streamRequestsMax: 3, streamBytesMax: 1000 })
    const many = openStream(address)
    many.write({ requests: [1, 2, 3, 4].map(proposal) })
    const [refused] = await responses(many, 1)
    assert.deepEqual([refused?.id, refused?.failure?.code], [4, 'ERR_RAFT_OVERLOADED'])
    const large = openStream(address)
    large.write({ requests: [1, 2].map((id) => ({ ...proposal(id), payload: Buffer.alloc(600) })) })
    const [tooMuch] = await responses(large, 1)
    assert.deepEqual(
      [tooMuch?.id, tooMuch?.failure?.code, tooMuch?.failure?.retryable],
      [2, 'ERR_RAFT_OVERLOADED', true],
    )
  })

  it('stops reading from a client that does not read its responses, and resumes when it does', async () => {
    const node = new EchoNode()
    node.query = async () => Buffer.alloc(100_000)
    const { address } = await serve(node, { streamBytesMax: 1_000_000 })
    const stream = await rawStream(address)
    const total = 300
    for (let id = 1; id <= total; id++) {
      stream.write(encodeGrpcFrame({ requests: [query(id)] }))
      await new Promise((resolve) => setTimeout(resolve, 1))
    }
    await untilStable(() => node.count('query'))
    const unread = node.count('query')
    assert.ok(unread < 100, `${unread} of ${total} queries of 100 kB were answered although none was read`)
    stream.resume()
    await node.waitForCalls('query', total)
  })

  it('keeps a bounded number of unread responses, and reports each dropped one', async () => {
    const node = new EchoNode()
    node.query = async () => Buffer.alloc(100_000)
    node.propose = async () => ({ index: 1, term: 1, result: Buffer.alloc(100_000) })
    const stream = openStream((await serve(node, { streamBytesMax: 1_000_000 })).address)
    stream.write({
      requests: Array.from({ length: 100 }, (_, offset) => (offset < 50 ? query(offset) : proposal(offset))),
    })
    const answers = await responses(stream, 100)
    const kept = answers.filter(({ failure }) => !failure)
    assert.ok(kept.length >= 10 && kept.length <= 20, `${kept.length} responses of 100 kB were kept`)
    for (const { id, failure } of answers.filter((answer) => answer.failure)) {
      assert.equal(failure?.code, 'ERR_RAFT_OVERLOADED')
      assert.equal(failure?.outcome, id < 50 ? 'OUTCOME_NOT_APPLIED' : 'OUTCOME_APPLIED')
    }
  })

  it('reports a command as applied if its result is too large to send', async () => {
    const node = new EchoNode()
    node.propose = async () => ({ index: 1, term: 1, result: Buffer.alloc(2000) })
    node.query = async () => Buffer.alloc(2000)
    const channel = channelTo((await serve(node, { answerBytesMax: 1000 })).address)
    const details = { size: 2000, limit: 1000 }
    await assert.rejects(channel.propose(Buffer.from('a')), { code: 'ERR_RAFT_TOO_LARGE', outcome: 'applied', details })
    await assert.rejects(channel.query(Buffer.from('a'), { mode: 'local' }), { outcome: 'not-applied', details })
  })

  it('limits the number of open streams', async () => {
    const { address } = await serve(new EchoNode(), { streamsMax: 2 })
    const [a, b] = [channelTo(address), channelTo(address)]
    await Promise.all([a.propose(Buffer.from('a')), b.propose(Buffer.from('b'))])
    await assert.rejects(channelTo(address).propose(Buffer.from('c')), {
      code: 'ERR_RAFT_OVERLOADED',
      outcome: 'not-applied',
    })
    await a.close()
    const late = channelTo(address)
    while (!(await late.propose(Buffer.from('d')).catch(() => undefined)))
      await new Promise((resolve) => setTimeout(resolve, 10))
  })

  it('answers pending requests and rejects new ones when it ends, so that the server can close', async () => {
    const node = new EchoNode()
    let finish = (): void => undefined
    node.propose = (result) =>
      new Promise((resolve) => {
        finish = () => resolve({ index: 1, term: 1, result })
      })
    const server = await serve(node)
    const channel = channelTo(server.address)
    const pending = channel.propose(Buffer.from('a'))
    await node.waitForCalls('propose')
    const closed = server.close()
    await new Promise((resolve) => setTimeout(resolve, 20))
    const late = channel.propose(Buffer.from('b'))
    await assert.rejects(late, { code: 'ERR_RAFT_CLOSED', outcome: 'not-applied' })
    finish()
    assert.equal(Buffer.from((await pending).result).toString(), 'a')
    await closed
  })

  it('leaves the outcome of pending proposals unknown if the server is shut down', async () => {
    const node = new EchoNode()
    node.propose = () => new Promise(() => undefined)
    const server = await serve(node)
    const channel = channelTo(server.address)
    const pending = channel.propose(Buffer.from('a'))
    await node.waitForCalls('propose')
    const refusal = assert.rejects(pending, { code: 'ERR_RAFT_OUTCOME_UNKNOWN', outcome: 'unknown' })
    await server.close()
    await refusal
  })
})

describe('a unary call of the services', () => {
  afterEach(disposeAll)

  it('can propose and query', async () => {
    const client = rawClient((await serve()).address)
    assert.deepEqual(await unary(client, 'Propose', { command: Buffer.from('a') }), {
      result: Buffer.from('a'),
      index: 1,
      term: 3,
    })
    const read = await unary(client, 'Query', { query: Buffer.from('q'), mode: 'READ_MODE_LOCAL' })
    assert.deepEqual(read, { answer: Buffer.from('q'), appliedIndex: 8, term: 3 })
  })

  it('forwards as the node does, unless the client wants the leader only', async () => {
    const node = new EchoNode()
    const { address } = await serve(node)
    const client = rawClient(address)
    await unary(client, 'Propose', { command: Buffer.from('a') })
    await unary(client, 'Propose', { command: Buffer.from('a'), leaderOnly: true })
    const channel = channelTo(address)
    for (const forward of [undefined, true, false]) await channel.propose(Buffer.from('a'), { forward })
    assert.deepEqual(
      node.calls.map(({ options }) => options.forward),
      [undefined, false, undefined, undefined, false],
    )
  })

  it('waits for a leader, unless the client wants the leader only; a request of a stream does not', async () => {
    const node = new EchoNode()
    const { address } = await serve(node)
    const client = rawClient(address)
    await unary(client, 'Propose', { command: Buffer.from('a') })
    await unary(client, 'Propose', { command: Buffer.from('a'), leaderOnly: true })
    await unary(client, 'Query', { query: Buffer.from('q') })
    await channelTo(address).propose(Buffer.from('a'))
    assert.deepEqual(
      node.calls.map(({ options }) => options.awaitLeader === true),
      [true, false, true, false],
    )
  })

  it('can register a session, and propose in it', async () => {
    const node = new EchoNode()
    const client = rawClient((await serve(node)).address)
    const registered = (await unary(client, 'RegisterSession', {})) as { readonly id: number }
    await unary(client, 'Propose', { command: Buffer.from('a'), session: { ...registered, sequence: 1 } })
    assert.deepEqual(
      [registered.id, node.calls[1]?.options.session],
      [11, { id: 11, sequence: 1, lowest: undefined, clusterId: 'test' }],
    )
  })

  it('gives the node a shorter timeout than its deadline, at most 30 s', async () => {
    const node = new EchoNode()
    const client = rawClient((await serve(node)).address)
    await unary(client, 'Propose', { command: Buffer.from('a') }, 1000)
    await unary(client, 'Propose', { command: Buffer.from('a') }, 100_000)
    await unary(client, 'Propose', { command: Buffer.from('a') })
    const [short, long, none] = node.calls.map(({ options }) => options.timeoutMs ?? 0)
    assert.ok((short as number) <= 950 && (short as number) > 0, `${short} of 1000`)
    assert.deepEqual([long, none], [30_000, 5000])
  })

  it('fails with a status whose trailers and details name the leader', async () => {
    const node = new EchoNode()
    const leader = { id: 'n2', address: '127.0.0.1:7002', term: 4 }
    node.propose = async () => {
      throw new RaftError('ERR_RAFT_NOT_LEADER', 'n2 leads', { leader })
    }
    const client = rawClient((await serve(node)).address)
    const error = await failed(unary(client, 'Propose', { command: Buffer.from('a') }))
    assert.equal(error.code, status.UNAVAILABLE)
    assert.deepEqual(error.metadata.get('raft-leader-address'), ['127.0.0.1:7002'])
    assert.deepEqual(fromStatus(error, '', 'unknown').leader, leader)
  })

  it('fails with UNKNOWN if the outcome is unknown', async () => {
    const node = new EchoNode()
    node.propose = async () => {
      throw new RaftError('ERR_RAFT_OUTCOME_UNKNOWN', 'the leader stepped down')
    }
    const error = await failed(unary(rawClient((await serve(node)).address), 'Propose', { command: Buffer.from('a') }))
    assert.equal(error.code, status.UNKNOWN)
  })

  it('is cancelled at the node when the caller cancels it', async () => {
    const node = new EchoNode()
    node.propose = () => new Promise(() => undefined)
    const client = rawClient((await serve(node)).address)
    const { path, requestSerialize, responseDeserialize } = method<object, object>(clientDefinition(), 'Propose')
    const call = client.makeUnaryRequest(
      path,
      requestSerialize,
      responseDeserialize,
      { command: Buffer.from('a') },
      () => undefined,
    )
    const options = await node.waitForCalls('propose')
    call.cancel()
    await aborted(options)
  })

  for (const [what, name, request, code] of [
    ['a command above the limit', 'Propose', { command: Buffer.alloc(2_000_000) }, 'ERR_RAFT_TOO_LARGE'],
    ['an unknown read mode', 'Query', { mode: 9 }, 'ERR_RAFT_BAD_MESSAGE'],
    ['an empty change', 'ChangeMembership', {}, 'ERR_RAFT_BAD_CHANGE'],
    ['an invalid id', 'ChangeMembership', { remove: ['../etc'] }, 'ERR_RAFT_BAD_CHANGE'],
    ['an invalid address', 'ChangeMembership', { add: [{ id: 'n4', address: 'a b' }] }, 'ERR_RAFT_BAD_CHANGE'],
    ['an invalid id', 'TransferLeadership', { to: '\u0000' }, 'ERR_RAFT_BAD_CHANGE'],
    ['a request above the limit', 'ChangeMembership', { remove: Array(40_000).fill('n1') }, 'ERR_RAFT_BAD_MESSAGE'],
  ] as const)
    it(`is rejected for ${what} in ${name}`, async () => {
      const node = new EchoNode()
      const client = rawClient((await serve(node)).address)
      const error = await failed(unary(client, name, request))
      assert.equal(error.code, status.INVALID_ARGUMENT)
      assert.equal(fromStatus(error, '', 'unknown').code, code)
      assert.deepEqual(node.calls, [])
    })
})

describe('a server that receives hostile bytes', () => {
  afterEach(disposeAll)

  it('ends at most that call, whatever the method, and continues to serve', async function () {
    this.timeout(30_000)
    const { address } = await serve(new EchoNode())
    const client = rawClient(address)
    const methods = [...Object.values(clientDefinition()), ...Object.values(adminDefinition())]
    const stream = method<RequestFrame, ResponseFrame>(clientDefinition(), 'Stream')
    const genuine = stream.requestSerialize({ requests: [proposal(1), query(2), proposal(3)] })
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...methods), hostileBytes(genuine), async ({ path, requestStream }, bytes) => {
        await (requestStream ? sendToStream(client, path, bytes) : sendUnary(client, path, bytes))
      }),
      { numRuns: 250 },
    )
    await channelTo(address).propose(Buffer.from('served'))
  })

  it('refuses a frame with very many requests before it allocates objects for them', async () => {
    const node = new EchoNode()
    const client = rawClient((await serve(node)).address)
    const { path } = method(clientDefinition(), 'Stream')
    const before = process.memoryUsage().heapUsed
    const error = await sendToStream(client, path, Buffer.alloc(1_000_000, Buffer.from([0x0a, 0x00])))
    assert.equal(error?.code, status.INVALID_ARGUMENT)
    assert.match(error?.details ?? '', /500000 requests in a frame, the limit is 4096/)
    assert.ok(process.memoryUsage().heapUsed - before < 50_000_000)
    assert.deepEqual(node.calls, [])
  })

  it('continues to serve after connections that are not HTTP/2', async () => {
    const { address } = await serve()
    const [host, port] = address.split(':')
    for (const bytes of ['GET / HTTP/1.1\r\n\r\n', '\u0016\u0003\u0001', 'x'.repeat(100_000)])
      await new Promise((resolve) => {
        const socket = connectSocket(Number(port), host as string, () => socket.end(bytes))
        socket.on('error', resolve).on('close', resolve).resume()
        setTimeout(() => socket.destroy(), 200)
      })
    await channelTo(address).propose(Buffer.from('served'))
  })
})

type RawStream = ClientDuplexStream<RequestFrame, ResponseFrame>

function proposal(id: number): WireRequest {
  return {
    id,
    kind: 'REQUEST_KIND_PROPOSE',
    payload: Buffer.from(`p${id}`),
    mode: 'READ_MODE_UNSPECIFIED',
    timeoutMs: 5000,
  }
}

function query(id: number): WireRequest {
  return { ...proposal(id), kind: 'REQUEST_KIND_QUERY', mode: 'READ_MODE_LOCAL' }
}

function rawClient(address: string): Client {
  const client = new Client(address, credentials.createInsecure(), { 'grpc.max_receive_message_length': -1 })
  disposeLater(async () => client.close())
  return client
}

/** A client stream that ignores the announced limits. */
function openStream(address: string): RawStream {
  const { path, requestSerialize, responseDeserialize } = method<RequestFrame, ResponseFrame>(
    clientDefinition(),
    'Stream',
  )
  const stream = rawClient(address).makeBidiStreamRequest(path, requestSerialize, responseDeserialize)
  stream.on('error', () => undefined)
  disposeLater(async () => stream.cancel())
  return stream
}

/** An HTTP/2 stream without grpc-js: a paused grpc-js client keeps reading from the connection, this one does not. */
async function rawStream(address: string): Promise<ClientHttp2Stream> {
  const session = connectHttp2(`http://${address}`)
  disposeLater(async () => session.destroy())
  await new Promise((resolve) => session.once('remoteSettings', resolve))
  const { path } = method(clientDefinition(), 'Stream')
  return session.request({ ':method': 'POST', ':path': path, 'content-type': 'application/grpc', te: 'trailers' })
}

function encodeGrpcFrame(frame: RequestFrame): Buffer {
  const bytes = method<RequestFrame, ResponseFrame>(clientDefinition(), 'Stream').requestSerialize(frame)
  const head = Buffer.alloc(5)
  head.writeUInt32BE(bytes.length, 1)
  return Buffer.concat([head, bytes])
}

function nextFrame(stream: RawStream): Promise<ResponseFrame> {
  return new Promise((resolve) => stream.once('data', resolve))
}

function responses(stream: RawStream, count: number): Promise<WireResponse[]> {
  const all: WireResponse[] = []
  return new Promise((resolve) => {
    const onFrame = (frame: ResponseFrame): void => {
      all.push(...frame.responses)
      if (all.length < count) return
      stream.off('data', onFrame)
      resolve(all)
    }
    stream.on('data', onFrame)
  })
}

function unary(client: Client, name: string, request: object, timeoutMs?: number): Promise<unknown> {
  const service = { ...clientDefinition(), ...adminDefinition() }
  const { path, requestSerialize, responseDeserialize } = method<object, object>(service, name)
  const options = timeoutMs === undefined ? {} : { deadline: Date.now() + timeoutMs }
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest(
      path,
      requestSerialize,
      responseDeserialize,
      request,
      new Metadata(),
      options,
      (error, response) => (error === null ? resolve({ ...response }) : reject(error)),
    )
  })
}

async function failed(work: Promise<unknown>): Promise<ServiceError> {
  return work.then(
    () => assert.fail('it did not fail'),
    (error: ServiceError) => error,
  )
}

const same = (bytes: Buffer): Buffer => bytes

function sendUnary(client: Client, path: string, bytes: Buffer): Promise<ServiceError | null> {
  return new Promise((resolve) => {
    client.makeUnaryRequest(path, same, same, bytes, (error) => resolve(error))
  })
}

function sendToStream(client: Client, path: string, bytes: Buffer): Promise<ServiceError | undefined> {
  return new Promise((resolve) => {
    const stream = client.makeBidiStreamRequest(path, same, same)
    stream.on('error', resolve)
    stream.on('end', () => resolve(undefined))
    stream.resume()
    stream.write(bytes)
    stream.end()
  })
}

/** Random bytes, and genuine bytes with one byte changed, a part removed or a part repeated. */
function hostileBytes(genuine: Buffer): fc.Arbitrary<Buffer> {
  const place = fc.nat(genuine.length - 1)
  return fc.oneof(
    fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
    fc
      .tuple(place, fc.nat(255))
      .map(([at, byte]) => Buffer.from(genuine.map((old, offset) => (offset === at ? byte : old)))),
    fc.tuple(place, place).map(([from, to]) => Buffer.concat([genuine.subarray(0, from), genuine.subarray(to)])),
    fc.tuple(place, fc.nat(40)).map(([from, times]) => Buffer.concat(Array(times + 1).fill(genuine.subarray(from)))),
  )
}

/** Waits until a counter has changed and then stays the same for 60 ms: there is no event for "nothing more happens". */
async function untilStable(counter: () => number): Promise<void> {
  let last = -1
  for (let still = 0; still < 4 || last === 0; ) {
    await new Promise((resolve) => setTimeout(resolve, 15))
    still = counter() === last ? still + 1 : 0
    last = counter()
  }
}
