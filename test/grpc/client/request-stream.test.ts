import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import { Metadata, status } from '@grpc/grpc-js'
import type { Clock, Timer } from '../../../src/contracts/clock.ts'
import { RaftError } from '../../../src/errors.ts'
import type { ClientCall, StreamEnd } from '../../../src/grpc/client/request-stream.ts'
import { RequestStream } from '../../../src/grpc/client/request-stream.ts'
import type { StreamLimits, StreamRequest } from '../../../src/grpc/client/request-window.ts'
import { toStatus } from '../../../src/grpc/shared/status-codes.ts'
import type { RequestFrame, WireRequest, WireResponse } from '../../../src/grpc/shared/stream-frames.ts'

describe('a request stream', () => {
  it('writes the requests of one turn in one frame once the node has accepted the stream', () => {
    const fixture = new StreamFixture()
    void fixture.send('a')
    void fixture.send('b')
    fixture.turn()
    assert.deepEqual(fixture.frames, [], 'nothing is written before the response headers')
    fixture.open()
    assert.deepEqual(fixture.frames.map(payloads), [['a', 'b']])
  })

  it('gives each caller its own response, in whatever order the responses arrive', async () => {
    const fixture = new StreamFixture()
    fixture.open()
    const [a, b] = [fixture.send('a'), fixture.send('b')]
    fixture.turn()
    fixture.answer({ id: 2, payload: Buffer.from('for b') }, { id: 1, payload: Buffer.from('for a') })
    assert.equal(text((await a).payload), 'for a')
    assert.equal(text((await b).payload), 'for b')
  })

  it('ignores a second response, and a response to an unknown request', async () => {
    const fixture = new StreamFixture()
    fixture.open()
    const a = fixture.send('a')
    fixture.turn()
    fixture.answer({ id: 9 }, { id: 1, payload: Buffer.from('first') }, { id: 1, payload: Buffer.from('second') })
    assert.equal(text((await a).payload), 'first')
  })

  it('ignores a response to a request that was not sent yet', async () => {
    const fixture = new StreamFixture()
    fixture.open()
    const a = fixture.send('a')
    fixture.answer({ id: 1, payload: Buffer.from('a guess') })
    fixture.turn()
    fixture.answer({ id: 1, payload: Buffer.from('the answer') })
    assert.equal(text((await a).payload), 'the answer')
  })

  it('reports requests that were not written as not applied if the stream breaks', async () => {
    const fixture = new StreamFixture()
    const a = fixture.send('a')
    fixture.call.emit('error', networkError('connect ECONNREFUSED'))
    assert.deepEqual(await failure(a), ['ERR_RAFT_UNREACHABLE', 'not-applied', true])
    assert.deepEqual(await failure(fixture.send('b')), ['ERR_RAFT_UNREACHABLE', 'not-applied', true])
  })

  it('reports written proposals as unknown and written queries as retryable if the stream breaks', async () => {
    const fixture = new StreamFixture()
    fixture.open()
    const [a, q] = [fixture.send('a'), fixture.send('q', { kind: 'query' })]
    fixture.turn()
    const late = fixture.send('b')
    fixture.call.emit('error', networkError('reset'))
    assert.deepEqual(await failure(a), ['ERR_RAFT_OUTCOME_UNKNOWN', 'unknown', false])
    assert.deepEqual(await failure(q), ['ERR_RAFT_READ_FAILED', 'not-applied', true])
    assert.deepEqual(await failure(late), ['ERR_RAFT_UNREACHABLE', 'not-applied', true])
  })

  it('rejects requests with the error with which the node refused the stream', async () => {
    const fixture = new StreamFixture()
    const a = fixture.send('a')
    const refusal = toStatus(new RaftError('ERR_RAFT_CLOSED', 'this node is shutting down'))
    fixture.call.emit('error', Object.assign(new Error('refused'), refusal))
    assert.deepEqual(await failure(a), ['ERR_RAFT_CLOSED', 'not-applied', false])
  })

  it('ends if the connection does not open in time', async () => {
    const fixture = new StreamFixture()
    const a = fixture.send('a')
    fixture.advance(2000)
    assert.deepEqual(await failure(a), ['ERR_RAFT_UNREACHABLE', 'not-applied', true])
    assert.deepEqual(fixture.ends, ['unopened'])
  })

  it('sends a slightly shorter timeout than the caller has', () => {
    const fixture = new StreamFixture()
    fixture.open()
    void fixture.send('a', { timeoutMs: 5000 })
    void fixture.send('b', { timeoutMs: 100 })
    fixture.turn()
    assert.deepEqual(
      fixture.frames[0]?.requests.map(({ timeoutMs }) => timeoutMs),
      [4900, 90],
    )
  })

  it('expires each request at its own deadline with one timer for all', async () => {
    const fixture = new StreamFixture()
    fixture.open()
    const times = [300, 100, 200, 100].map((timeoutMs) => fixture.send('x', { timeoutMs }))
    fixture.turn()
    assert.equal(fixture.timers(), 1)
    fixture.advance(100)
    assert.deepEqual(await failure(times[1]), ['ERR_RAFT_OUTCOME_UNKNOWN', 'unknown', false])
    assert.deepEqual(await failure(times[3]), ['ERR_RAFT_OUTCOME_UNKNOWN', 'unknown', false])
    fixture.advance(100)
    assert.deepEqual(await failure(times[2]), ['ERR_RAFT_OUTCOME_UNKNOWN', 'unknown', false])
    fixture.answer({ id: 1, payload: Buffer.from('in time') })
    assert.equal(text((await times[0])?.payload), 'in time')
  })

  it('ends if a request expires and nothing was received for silenceMsMax', async () => {
    const fixture = new StreamFixture()
    fixture.open()
    const [short, long] = [fixture.send('a', { timeoutMs: 1000 }), fixture.send('b', { timeoutMs: 4000 })]
    fixture.turn()
    fixture.advance(1000)
    assert.equal((await failure(short))[1], 'unknown')
    assert.deepEqual(fixture.ends, [])
    const after = fixture.send('c', { timeoutMs: 9000 })
    fixture.turn()
    fixture.advance(3000)
    assert.equal((await failure(long))[1], 'unknown')
    assert.deepEqual(fixture.ends, ['silent'])
    assert.equal((await failure(after))[1], 'unknown')
  })

  it('releases unwritten proposals and queries of a silent node, and keeps written proposals open', async () => {
    const fixture = new StreamFixture()
    fixture.open({ 'raft-stream-requests-max': '2' })
    const [written, query, queued] = [fixture.send('a'), fixture.send('q', { kind: 'query' }), fixture.send('b')]
    fixture.turn()
    fixture.releaseUnsent(new RaftError('ERR_RAFT_UNREACHABLE', 'silent'))
    assert.deepEqual(await failure(query), ['ERR_RAFT_UNREACHABLE', 'not-applied', true])
    assert.deepEqual(await failure(queued), ['ERR_RAFT_UNREACHABLE', 'not-applied', true])
    fixture.answer({ id: 1, payload: Buffer.from('late') }, { id: 2 })
    assert.equal(text((await written).payload), 'late')
    fixture.turn()
    assert.deepEqual(fixture.frames.map(payloads), [['a', 'q']], 'a released proposal is never written')
  })

  it("keeps within the node's window, and continues as responses free it", () => {
    const fixture = new StreamFixture()
    fixture.open({ 'raft-stream-requests-max': '2' })
    for (const name of ['a', 'b', 'c', 'd']) void fixture.send(name)
    fixture.turn()
    assert.deepEqual(fixture.frames.map(payloads), [['a', 'b']])
    fixture.answer({ id: 1 })
    fixture.turn()
    assert.deepEqual(fixture.frames.map(payloads), [['a', 'b'], ['c']])
  })

  it('keeps within the window in bytes, and sends a larger request alone', () => {
    const fixture = new StreamFixture()
    fixture.open({ 'raft-stream-bytes-max': '100' })
    void fixture.send('x'.repeat(500))
    void fixture.send('y')
    fixture.turn()
    assert.equal(fixture.frames.flatMap(payloads).length, 1)
  })

  it('rejects requests beyond the queue limits', async () => {
    const fixture = new StreamFixture({ queueRequestsMax: 2, queueBytesMax: 1000 })
    void fixture.send('a').catch(() => undefined)
    assert.deepEqual(await failure(fixture.send('x'.repeat(2000))), ['ERR_RAFT_OVERLOADED', 'not-applied', true])
    void fixture.send('b').catch(() => undefined)
    assert.deepEqual(await failure(fixture.send('c')), ['ERR_RAFT_OVERLOADED', 'not-applied', true])
  })

  it('rejects commands above the limit of the node, including those queued before the limit was known', async () => {
    const fixture = new StreamFixture()
    const early = fixture.send('x'.repeat(50))
    fixture.open({ 'raft-command-bytes-max': '10' })
    assert.equal((await failure(early))[0], 'ERR_RAFT_TOO_LARGE')
    assert.equal((await failure(fixture.send('x'.repeat(50))))[0], 'ERR_RAFT_TOO_LARGE')
    assert.deepEqual(fixture.frames, [])
  })

  it('drops an aborted request that was not written, and reports a written one as unknown', async () => {
    const fixture = new StreamFixture()
    const abort = new AbortController()
    const early = fixture.send('a', { signal: abort.signal })
    abort.abort()
    assert.deepEqual(await failure(early), ['ERR_RAFT_ABORTED', 'not-applied', false])
    fixture.open()
    assert.deepEqual(fixture.frames, [])
    const later = new AbortController()
    const [sent, read] = [
      fixture.send('b', { signal: later.signal }),
      fixture.send('q', { kind: 'query', signal: later.signal }),
    ]
    fixture.turn()
    later.abort()
    assert.deepEqual(await failure(sent), ['ERR_RAFT_OUTCOME_UNKNOWN', 'unknown', false])
    assert.deepEqual(await failure(read), ['ERR_RAFT_ABORTED', 'not-applied', false])
  })

  it('splits the requests of one turn into frames of limited size', () => {
    const fixture = new StreamFixture()
    fixture.open()
    for (let count = 0; count < 10; count++) void fixture.send('x'.repeat(100_000))
    fixture.turn()
    assert.deepEqual(
      fixture.frames.map((frame) => frame.requests.length),
      [2, 2, 2, 2, 2],
    )
  })

  it('keeps outcome, leader and details of a failure', async () => {
    const fixture = new StreamFixture()
    fixture.open()
    const a = fixture.send('a')
    fixture.turn()
    fixture.answer({
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

/** A RequestStream whose server and clock are controlled by the test. */
class StreamFixture {
  readonly call: ClientCall & EventEmitter
  readonly frames: RequestFrame[] = []
  readonly ends: StreamEnd[] = []
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
      onEnded: (how) => this.ends.push(how),
    })
  }

  send(payload: string, request: Partial<StreamRequest> = {}): Promise<WireResponse> {
    const answer = this.#stream.send({
      kind: 'propose',
      payload: Buffer.from(payload),
      mode: 'linearizable',
      timeoutMs: 5000,
      signal: undefined,
      ...request,
    })
    answer.catch(() => undefined)
    return answer
  }

  releaseUnsent(reason: RaftError): void {
    this.#stream.releaseUnsent(reason)
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
