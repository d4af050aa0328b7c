import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import { Metadata, status } from '@grpc/grpc-js'
import type { Clock, Timer } from '../../../src/contracts/clock.ts'
import { RaftError } from '../../../src/errors.ts'
import type { ClientCall, StreamEnd, StreamLimits, StreamRequest } from '../../../src/grpc/client/request-stream.ts'
import { RequestStream } from '../../../src/grpc/client/request-stream.ts'
import { toStatus } from '../../../src/grpc/shared/status-codes.ts'
import type { RequestFrame, WireRequest, WireResponse } from '../../../src/grpc/shared/stream-frames.ts'

describe("the client's end of a stream", () => {
  it('writes the requests of one turn in one frame, once the node has taken the stream', () => {
    const world = new StreamFixture()
    void world.send('a')
    void world.send('b')
    world.turn()
    assert.deepEqual(world.frames, [], 'before the headers nothing leaves')
    world.open()
    assert.deepEqual(world.frames.map(payloads), [['a', 'b']])
  })

  it('gives each caller its own answer, in whatever order they come', async () => {
    const world = new StreamFixture()
    world.open()
    const [a, b] = [world.send('a'), world.send('b')]
    world.turn()
    world.answer({ id: 2, payload: Buffer.from('for b') }, { id: 1, payload: Buffer.from('for a') })
    assert.equal(text((await a).payload), 'for a')
    assert.equal(text((await b).payload), 'for b')
  })

  it('takes no notice of a second answer, nor of one to a request never sent', async () => {
    const world = new StreamFixture()
    world.open()
    const a = world.send('a')
    world.turn()
    world.answer({ id: 9 }, { id: 1, payload: Buffer.from('first') }, { id: 1, payload: Buffer.from('second') })
    assert.equal(text((await a).payload), 'first')
  })

  it('believes no answer to a request that has not left', async () => {
    const world = new StreamFixture()
    world.open()
    const a = world.send('a')
    world.answer({ id: 1, payload: Buffer.from('a guess') })
    world.turn()
    world.answer({ id: 1, payload: Buffer.from('the answer') })
    assert.equal(text((await a).payload), 'the answer')
  })

  it('calls what it never wrote surely not applied when the stream breaks', async () => {
    const world = new StreamFixture()
    const a = world.send('a')
    world.call.emit('error', networkError('connect ECONNREFUSED'))
    assert.deepEqual(await failure(a), ['ERR_RAFT_UNREACHABLE', 'not-applied', true])
    assert.deepEqual(await failure(world.send('b')), ['ERR_RAFT_UNREACHABLE', 'not-applied', true])
  })

  it('calls what it wrote unknown when the stream breaks; of a query, that another may be made', async () => {
    const world = new StreamFixture()
    world.open()
    const [a, q] = [world.send('a'), world.send('q', { kind: 'query' })]
    world.turn()
    const late = world.send('b')
    world.call.emit('error', networkError('reset'))
    assert.deepEqual(await failure(a), ['ERR_RAFT_OUTCOME_UNKNOWN', 'unknown', false])
    assert.deepEqual(await failure(q), ['ERR_RAFT_READ_FAILED', 'not-applied', true])
    assert.deepEqual(await failure(late), ['ERR_RAFT_UNREACHABLE', 'not-applied', true])
  })

  it('passes on why the node refused the stream', async () => {
    const world = new StreamFixture()
    const a = world.send('a')
    const refusal = toStatus(new RaftError('ERR_RAFT_CLOSED', 'this node is shutting down'))
    world.call.emit('error', Object.assign(new Error('refused'), refusal))
    assert.deepEqual(await failure(a), ['ERR_RAFT_CLOSED', 'not-applied', false])
  })

  it('gives up a connection that does not open in time', async () => {
    const world = new StreamFixture()
    const a = world.send('a')
    world.advance(2000)
    assert.deepEqual(await failure(a), ['ERR_RAFT_UNREACHABLE', 'not-applied', true])
    assert.deepEqual(world.gone, ['unopened'])
  })

  it('tells the node a little less time than the caller has', () => {
    const world = new StreamFixture()
    world.open()
    void world.send('a', { timeoutMs: 5000 })
    void world.send('b', { timeoutMs: 100 })
    world.turn()
    assert.deepEqual(
      world.frames[0]?.requests.map(({ timeoutMs }) => timeoutMs),
      [4900, 90],
    )
  })

  it('ends each request at its own deadline, with one timer for all', async () => {
    const world = new StreamFixture()
    world.open()
    const times = [300, 100, 200, 100].map((timeoutMs) => world.send('x', { timeoutMs }))
    world.turn()
    assert.equal(world.timers(), 1)
    world.advance(100)
    assert.deepEqual(await failure(times[1]), ['ERR_RAFT_OUTCOME_UNKNOWN', 'unknown', false])
    assert.deepEqual(await failure(times[3]), ['ERR_RAFT_OUTCOME_UNKNOWN', 'unknown', false])
    world.advance(100)
    assert.deepEqual(await failure(times[2]), ['ERR_RAFT_OUTCOME_UNKNOWN', 'unknown', false])
    world.answer({ id: 1, payload: Buffer.from('in time') })
    assert.equal(text((await times[0])?.payload), 'in time')
  })

  it('holds a connection for dead when a request expires after a long silence, and not after a short one', async () => {
    const world = new StreamFixture()
    world.open()
    const [short, long] = [world.send('a', { timeoutMs: 1000 }), world.send('b', { timeoutMs: 4000 })]
    world.turn()
    world.advance(1000)
    assert.equal((await failure(short))[1], 'unknown')
    assert.deepEqual(world.gone, [])
    const after = world.send('c', { timeoutMs: 9000 })
    world.turn()
    world.advance(3000)
    assert.equal((await failure(long))[1], 'unknown')
    assert.deepEqual(world.gone, ['silent'])
    assert.equal((await failure(after))[1], 'unknown')
  })

  it("keeps within the node's window, and goes on as answers make room", () => {
    const world = new StreamFixture()
    world.open({ 'raft-stream-requests-max': '2' })
    for (const name of ['a', 'b', 'c', 'd']) void world.send(name)
    world.turn()
    assert.deepEqual(world.frames.map(payloads), [['a', 'b']])
    world.answer({ id: 1 })
    world.turn()
    assert.deepEqual(world.frames.map(payloads), [['a', 'b'], ['c']])
  })

  it('keeps within the window in bytes, but always sends one', () => {
    const world = new StreamFixture()
    world.open({ 'raft-stream-bytes-max': '100' })
    void world.send('x'.repeat(500))
    void world.send('y')
    world.turn()
    assert.equal(world.frames.flatMap(payloads).length, 1)
  })

  it('refuses more than may wait, before it takes the memory', async () => {
    const world = new StreamFixture({ queueRequestsMax: 2, queueBytesMax: 1000 })
    void world.send('a').catch(() => undefined)
    assert.deepEqual(await failure(world.send('x'.repeat(2000))), ['ERR_RAFT_OVERLOADED', 'not-applied', true])
    void world.send('b').catch(() => undefined)
    assert.deepEqual(await failure(world.send('c')), ['ERR_RAFT_OVERLOADED', 'not-applied', true])
  })

  it('refuses a command larger than the node takes, also one asked before the node said so', async () => {
    const world = new StreamFixture()
    const early = world.send('x'.repeat(50))
    world.open({ 'raft-command-bytes-max': '10' })
    assert.equal((await failure(early))[0], 'ERR_RAFT_TOO_LARGE')
    assert.equal((await failure(world.send('x'.repeat(50))))[0], 'ERR_RAFT_TOO_LARGE')
    assert.deepEqual(world.frames, [])
  })

  it('forgets an aborted request that has not left, and calls one that has unknown', async () => {
    const world = new StreamFixture()
    const abort = new AbortController()
    const early = world.send('a', { signal: abort.signal })
    abort.abort()
    assert.deepEqual(await failure(early), ['ERR_RAFT_ABORTED', 'not-applied', false])
    world.open()
    assert.deepEqual(world.frames, [])
    const later = new AbortController()
    const [sent, read] = [
      world.send('b', { signal: later.signal }),
      world.send('q', { kind: 'query', signal: later.signal }),
    ]
    world.turn()
    later.abort()
    assert.deepEqual(await failure(sent), ['ERR_RAFT_OUTCOME_UNKNOWN', 'unknown', false])
    assert.deepEqual(await failure(read), ['ERR_RAFT_ABORTED', 'not-applied', false])
  })

  it('splits a turn of many bytes into several frames', () => {
    const world = new StreamFixture()
    world.open()
    for (let count = 0; count < 10; count++) void world.send('x'.repeat(100_000))
    world.turn()
    assert.deepEqual(
      world.frames.map((frame) => frame.requests.length),
      [2, 2, 2, 2, 2],
    )
  })

  it('keeps outcome, leader and facts of a failure', async () => {
    const world = new StreamFixture()
    world.open()
    const a = world.send('a')
    world.turn()
    world.answer({
      id: 1,
      failure: {
        code: 'ERR_RAFT_NOT_LEADER',
        message: 'n2 leads',
        outcome: 'OUTCOME_NOT_APPLIED',
        retryable: true,
        hint: '',
        leader: { id: 'n2', address: 'b:1', term: 3 },
        details: '{"lag":4,"bad":{"deep":1}}',
      },
    })
    const error = await a.then(
      () => assert.fail('it was answered'),
      (reason: RaftError) => reason,
    )
    assert.deepEqual(error.leader, { id: 'n2', address: 'b:1', term: 3 })
    assert.deepEqual(error.details, { lag: 4 })
    assert.equal(error.hint, undefined)
  })
})

/** A stream whose other end is this test, on a clock that this test moves. */
class StreamFixture {
  readonly call: ClientCall & EventEmitter
  readonly frames: RequestFrame[] = []
  readonly gone: StreamEnd[] = []
  readonly #stream: RequestStream
  readonly #timers = new Map<Timer, { at: number; callback: () => void }>()
  #turn: (() => void)[] = []
  #now = 1000

  constructor(limits: Partial<StreamLimits> = {}) {
    const call = Object.assign(new EventEmitter(), {
      write: (frame: RequestFrame) => this.frames.push(frame),
      cancel: () => undefined,
    })
    this.call = call as unknown as ClientCall & EventEmitter
    const clock: Clock = {
      now: () => this.#now,
      wakeAt: (at, callback) => {
        const timer = { cancel: () => this.#timers.delete(timer) }
        this.#timers.set(timer, { at, callback })
        return timer
      },
      defer: (callback) => this.#turn.push(callback),
    }
    this.#stream = new RequestStream({
      address: 'a:1',
      call: this.call,
      clock,
      limits: {
        connectTimeoutMs: 2000,
        silenceMsMax: 3000,
        queueRequestsMax: 100,
        queueBytesMax: 10_000_000,
        ...limits,
      },
      onEnded: (how) => this.gone.push(how),
    })
  }

  send(payload: string, asked: Partial<StreamRequest> = {}): Promise<WireResponse> {
    const answer = this.#stream.send({
      kind: 'propose',
      payload: Buffer.from(payload),
      mode: 'linearizable',
      timeoutMs: 5000,
      signal: undefined,
      ...asked,
    })
    answer.catch(() => undefined)
    return answer
  }

  open(headers: Record<string, string> = {}): void {
    const metadata = new Metadata()
    for (const [key, value] of Object.entries(headers)) metadata.set(key, value)
    this.call.emit('metadata', metadata)
    this.turn()
  }

  answer(...responses: WireResponse[]): void {
    this.call.emit('data', { responses })
  }

  turn(): void {
    const callbacks = this.#turn
    this.#turn = []
    for (const callback of callbacks) callback()
  }

  advance(ms: number): void {
    this.#now += ms
    for (const [timer, { at, callback }] of [...this.#timers]) {
      if (at > this.#now) continue
      this.#timers.delete(timer)
      callback()
    }
  }

  timers(): number {
    return this.#timers.size
  }
}

function payloads({ requests }: RequestFrame): string[] {
  return requests.map(({ payload }: WireRequest) => text(payload))
}

function text(bytes: Uint8Array | undefined): string {
  return Buffer.from(bytes ?? []).toString()
}

function networkError(details: string): Error {
  return Object.assign(new Error(details), { code: status.UNAVAILABLE, details, metadata: new Metadata() })
}

async function failure(work: Promise<unknown> | undefined): Promise<[string, string, boolean]> {
  return (work as Promise<unknown>).then(
    () => assert.fail('it did not fail'),
    ({ code, outcome, retryable }: RaftError): [string, string, boolean] => [code, outcome, retryable],
  )
}
