import assert from 'node:assert/strict'
import type { EncodedBlock } from '../../../src/contracts/encoded-block.ts'
import type { PeerMessage } from '../../../src/contracts/transport.ts'
import type { Message } from '../../../src/core/messages.ts'
import { isRaftError, RaftError } from '../../../src/errors.ts'
import { encodeCommands, encodeNoop } from '../../../src/log-format/block.ts'
import { BlockCache } from '../../../src/runtime/pipeline/block-cache.ts'
import { Sender } from '../../../src/runtime/pipeline/sender.ts'
import { flushPromises } from '../virtual-cluster.ts'

describe('the sender', () => {
  it('adds the bytes of cached blocks to a message synchronously', () => {
    const fixture = new Fixture()
    const blocks = [encodeNoop(1, 1), encodeNoop(2, 1)]
    for (const block of blocks) fixture.cache.put(block)
    fixture.sender.send([{ to: 'n2', message: append(blocks) }])
    assert.deepEqual(fixture.sent, ['n2 append 1 2'])
    assert.equal(fixture.messages[0]?.type === 'AppendEntriesRequest' && fixture.messages[0].blocks[1], blocks[1])
  })

  it('reads other blocks from disk, keeps the order for that peer, and does not delay other peers', async () => {
    const fixture = new Fixture()
    const blocks = [encodeNoop(1, 1), encodeNoop(2, 1), encodeNoop(3, 1)]
    fixture.disk = blocks
    fixture.sender.send([
      { to: 'n2', message: append(blocks) },
      { to: 'n2', message: vote },
      { to: 'n3', message: vote },
    ])
    assert.deepEqual(fixture.sent, ['n3 vote'])
    await flushPromises()
    assert.deepEqual(fixture.sent, ['n3 vote', 'n2 append 1 2 3', 'n2 vote'])
    fixture.sender.send([{ to: 'n2', message: vote }])
    assert.equal(fixture.sent.length, 4)
  })

  it('drops a message whose blocks have been replaced or compacted', async () => {
    const fixture = new Fixture()
    fixture.disk = [encodeNoop(1, 1), encodeNoop(2, 7)]
    fixture.sender.send([
      { to: 'n2', message: append([encodeNoop(1, 1), encodeNoop(2, 1)]) },
      { to: 'n2', message: append([encodeNoop(9, 1)]) },
      { to: 'n2', message: vote },
    ])
    await flushPromises()
    assert.deepEqual(fixture.sent, ['n2 vote'])
    assert.deepEqual(fixture.failures, [])
  })

  it('drops a message if the queue of its peer is full', async () => {
    const fixture = new Fixture()
    fixture.disk = [encodeNoop(1, 1)]
    const many = Array.from({ length: 10 }, () => ({ to: 'n2', message: vote }))
    fixture.sender.send([{ to: 'n2', message: append(fixture.disk) }, ...many])
    await flushPromises()
    assert.deepEqual(fixture.sent, ['n2 append 1', 'n2 vote', 'n2 vote'])
  })

  it('never sends a block that is valid but not the one in the log', async () => {
    const fixture = new Fixture()
    fixture.disk = [encodeCommands(1, 1, [Buffer.from('other')])]
    fixture.sender.send([{ to: 'n2', message: append([encodeCommands(1, 1, [Buffer.from('right')])]) }])
    await flushPromises()
    assert.deepEqual(fixture.sent, [])
    assert.match(String(fixture.failures[0]), /stored log has changed.*from 1 to 1.*not sent/)
    assert.ok(isRaftError(fixture.failures[0], 'ERR_RAFT_CORRUPT'))
  })

  it('reports a log that cannot be read', async () => {
    const fixture = new Fixture()
    fixture.readError = new RaftError('ERR_RAFT_CORRUPT', 'block 1 is damaged')
    fixture.sender.send([{ to: 'n2', message: append([encodeNoop(1, 1)]) }])
    await flushPromises()
    assert.deepEqual([fixture.sent, fixture.failures], [[], [fixture.readError]])
  })
})

class Fixture {
  readonly cache = new BlockCache(1000)
  readonly sent: string[] = []
  readonly messages: PeerMessage[] = []
  readonly failures: unknown[] = []
  disk: EncodedBlock[] = []
  readError: RaftError | undefined
  readonly sender = new Sender({
    transport: { send: (to, message) => this.#send(to, message) },
    storage: { read: (from) => this.#read(from) },
    cache: this.cache,
    queueMax: 3,
    onFailed: (error) => this.failures.push(error),
  })

  #send(to: string, message: PeerMessage): boolean {
    this.messages.push(message)
    const what =
      message.type === 'AppendEntriesRequest' ? ['append', ...message.blocks.map(({ first }) => first)] : ['vote']
    return this.sent.push([to, ...what].join(' ')) > 0
  }

  async #read(from: number): Promise<EncodedBlock[]> {
    if (this.readError !== undefined) throw this.readError
    const offset = this.disk.findIndex(({ first }) => first === from)
    if (offset === -1) throw new RaftError('ERR_RAFT_COMPACTED', 'gone')
    return this.disk.slice(offset, offset + 2)
  }
}

const vote: Message = { type: 'PreVoteResponse', term: 1, isGranted: true, isRemoved: false }

function append(blocks: readonly EncodedBlock[]): Message {
  const heads = blocks.map(({ bytes: _, ...head }) => head)
  return {
    type: 'AppendEntriesRequest',
    term: 7,
    prevIndex: 0,
    prevTerm: 0,
    prevChain: 8,
    commitIndex: 0,
    blocks: heads,
    round: 1,
    session: 0,
  }
}
