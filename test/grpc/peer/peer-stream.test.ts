/** One stream of frames: what is written when, and what is dropped, seen without a network. */
import assert from 'node:assert/strict'
import type { PeerMessage } from '../../../src/contracts/transport.ts'
import type { Frame } from '../../../src/grpc/peer/codec.ts'
import { decodeFrame, encodeFrame } from '../../../src/grpc/peer/codec.ts'
import type { PeerCall } from '../../../src/grpc/peer/peer-call.ts'
import { PeerStream } from '../../../src/grpc/peer/peer-stream.ts'
import { limitsOf } from '../../../src/grpc/peer/transport-options.ts'
import { encodeCommands } from '../../../src/log-format/block.ts'

describe('a stream of frames', () => {
  it('packs what one turn says into one frame', async () => {
    const { stream, call } = opened()
    for (let read = 0; read < 100; read++) assert.equal(stream.send(asking(read)), true)
    assert.equal(call.frames.length, 0)
    await turn()
    assert.deepEqual(call.frames.map(reads), [Array.from({ length: 100 }, (_, read) => read)])
  })

  it('keeps back, while two frames are being written, what comes meanwhile, and packs that', async () => {
    const { stream, call } = opened()
    for (let read = 0; read < 5; read++) {
      stream.send(asking(read))
      await turn()
    }
    assert.deepEqual(call.frames.map(reads), [[0], [1]])
    call.written()
    assert.deepEqual(call.frames.map(reads), [[0], [1], [2, 3, 4]])
  })

  it('begins another frame at the limits of size and number', async () => {
    const { stream, call } = opened({ frameBytes: 10_000, windowBytes: 2 ** 30 })
    const sizes = [9000, 20_000, 5000, 3000, 3000]
    for (const size of sizes) stream.send(appending(size))
    for (let read = 0; read < 1100; read++) stream.send(asking(read))
    await turn()
    while (call.written());
    const counts = call.frames.map((frame) => (frame.type === 'messages' ? frame.messages.length : 0))
    assert.deepEqual(counts.slice(0, 3), [1, 1, 2])
    assert.equal(
      counts.reduce((sum, count) => sum + count, 0),
      sizes.length + 1100,
    )
    assert.ok(Math.max(...counts) <= 40, 'a message counts for more than its few bytes')
  })

  it('counts bytes from the moment they are handed over until they are written', async () => {
    const { stream, call } = opened({ windowBytes: 100_000 })
    assert.equal(stream.send(appending(60_000)), true)
    assert.equal(stream.send(appending(60_000)), false)
    await turn()
    assert.equal(stream.send(appending(60_000)), false)
    call.written()
    assert.equal(stream.send(appending(60_000)), true)
  })

  it('never takes a message above the largest size', () => {
    const { stream } = opened({ messageBytesMax: 10_000 })
    assert.equal(stream.send(appending(10_000)), false)
    assert.equal(stream.send(appending(9000)), true)
  })

  it('writes nothing more once it has ended', async () => {
    const { stream, call } = opened()
    stream.send(asking(1))
    stream.end(0, 'enough')
    await turn()
    assert.deepEqual(call.frames, [])
    assert.equal(stream.send(asking(2)), false)
    assert.deepEqual(call.ends, ['enough'])
  })

  it('reads nothing large before the handshake, anything after', () => {
    const { stream, call, seen } = opened()
    const large = encodeFrame({ type: 'messages', messages: [appending(50_000)] })
    call.arrive(large)
    assert.deepEqual(seen, ['malformed: 50060 bytes instead of a greeting'])
    stream.setListener({
      onFrame: (frame) => seen.push(frame.type),
      onEnd: () => undefined,
      onMalformed: () => undefined,
    })
    call.arrive(large)
    assert.equal(seen[1], 'messages')
  })
})

function opened(limits: Parameters<typeof limitsOf>[0] = {}) {
  const call = new FakeCall()
  const seen: string[] = []
  const stream = new PeerStream(call, limitsOf(limits), {
    onFrame: (frame) => seen.push(frame.type),
    onEnd: (reason) => seen.push(`end: ${reason}`),
    onMalformed: ({ message }) => seen.push(`malformed: ${message}`),
  })
  return { stream, call, seen }
}

/** A call whose bytes lie where they were written, until the test says that they have left. */
class FakeCall implements PeerCall {
  readonly frames: Frame[] = []
  readonly ends: string[] = []
  readonly #callbacks: (() => void)[] = []
  arrive: (bytes: Buffer) => void = () => undefined

  write(bytes: Buffer, written: () => void): void {
    this.frames.push(decodeFrame(bytes))
    this.#callbacks.push(written)
  }

  listen(received: (bytes: Buffer) => void): void {
    this.arrive = received
  }

  end(_code: number, details: string): void {
    this.ends.push(details)
  }

  /** Lets the oldest write leave; false if there is none. */
  written(): boolean {
    const callback = this.#callbacks.shift()
    callback?.()
    return callback !== undefined
  }
}

function reads(frame: Frame): number[] {
  return frame.type === 'messages' ? frame.messages.map((message) => ('read' in message ? message.read : -1)) : []
}

function asking(read: number): PeerMessage {
  return { type: 'ReadIndexRequest', term: 1, read }
}

function appending(bytes: number): PeerMessage {
  const head = { term: 2, prevIndex: 4, prevTerm: 1, commitIndex: 3, round: 1, session: 0 }
  return { type: 'AppendEntriesRequest', ...head, blocks: [encodeCommands(5, 2, [new Uint8Array(bytes)])] }
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
