/** What a stream of frames writes and drops, tested without a network. */
import assert from 'node:assert/strict'
import { UNIDENTIFIED } from '../../src/access/caller.ts'
import type { PeerMessage } from '../../src/contracts/transport.ts'
import { encodeCommands } from '../../src/log-format/block.ts'
import type { Frame } from '../../src/peer-link/frames.ts'
import { PEER_LINK_DEFAULTS, type PeerLinkLimits } from '../../src/peer-link/limits.ts'
import type { EndReason, PeerCall } from '../../src/peer-link/peer-call.ts'
import { PeerStream } from '../../src/peer-link/peer-stream.ts'

describe('a stream of frames', () => {
  it('packs the messages of one turn into one frame', async () => {
    const { stream, call } = openStream()
    for (let read = 0; read < 100; read++) assert.equal(stream.send(readIndexRequest(read)), true)
    assert.equal(call.frames.length, 0)
    await turn()
    assert.deepEqual(call.frames.map(reads), [Array.from({ length: 100 }, (_, read) => read)])
  })

  it('queues messages while two frames are being written, and packs them into the next frame', async () => {
    const { stream, call } = openStream()
    for (let read = 0; read < 5; read++) {
      stream.send(readIndexRequest(read))
      await turn()
    }
    assert.deepEqual(call.frames.map(reads), [[0], [1]])
    call.completeWrite()
    assert.deepEqual(call.frames.map(reads), [[0], [1], [2, 3, 4]])
  })

  it('starts another frame at the limits of size and number', async () => {
    const { stream, call } = openStream({ frameBytes: 10_000, windowBytes: 2 ** 30 })
    const sizes = [9000, 20_000, 5000, 3000, 3000]
    for (const size of sizes) stream.send(appendEntries(size))
    for (let read = 0; read < 1100; read++) stream.send(readIndexRequest(read))
    await turn()
    while (call.completeWrite());
    const counts = call.frames.map((frame) => (frame.type === 'messages' ? frame.messages.length : 0))
    assert.deepEqual(counts.slice(0, 3), [1, 1, 2])
    assert.equal(
      counts.reduce((sum, count) => sum + count, 0),
      sizes.length + 1100,
    )
    assert.ok(Math.max(...counts) <= 40, 'each message counts with its overhead')
  })

  it('counts the bytes of a message from `send` until they are written', async () => {
    const { stream, call } = openStream({ windowBytes: 100_000 })
    assert.equal(stream.send(appendEntries(60_000)), true)
    assert.equal(stream.send(appendEntries(60_000)), false)
    await turn()
    assert.equal(stream.send(appendEntries(60_000)), false)
    call.completeWrite()
    assert.equal(stream.send(appendEntries(60_000)), true)
  })

  it('rejects a message above the size limit', () => {
    const { stream } = openStream({ messageBytesMax: 10_000 })
    assert.equal(stream.send(appendEntries(10_000)), false)
    assert.equal(stream.send(appendEntries(9000)), true)
  })

  it('writes nothing after it has ended', async () => {
    const { stream, call } = openStream()
    stream.send(readIndexRequest(1))
    stream.end('cancelled', 'enough')
    await turn()
    assert.deepEqual(call.frames, [])
    assert.equal(stream.send(readIndexRequest(2)), false)
    assert.deepEqual(call.ends, ['enough'])
  })
})

function openStream(limits: Partial<PeerLinkLimits> = {}) {
  const call = new StubCall()
  const stream = new PeerStream(
    call,
    { ...PEER_LINK_DEFAULTS, ...limits },
    { onFrame: () => undefined, onEnd: () => undefined, onMalformed: () => undefined },
  )
  return { stream, call }
}

/** A call that keeps written frames, and completes each write when the test calls `completeWrite`. */
class StubCall implements PeerCall {
  readonly caller = UNIDENTIFIED
  readonly frames: Frame[] = []
  readonly ends: string[] = []
  readonly #callbacks: (() => void)[] = []

  write(frame: Frame, onWritten: () => void): void {
    this.frames.push(frame)
    this.#callbacks.push(onWritten)
  }

  listen(): void {}

  onGreeted(): void {}

  end(_reason: EndReason, details: string): void {
    this.ends.push(details)
  }

  /** Completes the oldest write; returns false if there is none. */
  completeWrite(): boolean {
    const callback = this.#callbacks.shift()
    callback?.()
    return callback !== undefined
  }
}

function reads(frame: Frame): number[] {
  return frame.type === 'messages' ? frame.messages.map((message) => ('read' in message ? message.read : -1)) : []
}

function readIndexRequest(read: number): PeerMessage {
  return { type: 'ReadIndexRequest', term: 1, read }
}

function appendEntries(bytes: number): PeerMessage {
  const head = { term: 2, prevIndex: 4, prevTerm: 1, prevChain: 8, commitIndex: 3, round: 1, session: 0 }
  return { type: 'AppendEntriesRequest', ...head, blocks: [encodeCommands(5, 2, [new Uint8Array(bytes)])] }
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
