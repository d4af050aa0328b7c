import assert from 'node:assert/strict'
import type { PeerMessage } from '../../../src/contracts/transport.ts'
import { encodeNoop } from '../../../src/log-format/block.ts'
import { Mailbox } from '../../../src/runtime/pipeline/mailbox.ts'

const heartbeat: PeerMessage = {
  ...{ type: 'AppendEntriesRequest', term: 1, prevIndex: 0, prevTerm: 0, prevChain: 8, commitIndex: 0 },
  ...{ blocks: [], round: 1, session: 0 },
}

describe('the mailbox', () => {
  it('drops a message from a peer when it is full, but never an input of the node itself', () => {
    const mailbox = new Mailbox({ messagesMax: 2, bytesMax: 1e6 })
    assert.deepEqual(
      [1, 2, 3].map(() => mailbox.receive('n2', heartbeat)),
      [true, true, false],
    )
    mailbox.post({ type: 'timeout' })
    assert.deepEqual(
      mailbox.take().map(({ type }) => type),
      ['receive', 'receive', 'timeout'],
    )
    assert.equal(mailbox.dropped, 1)
    assert.ok(mailbox.receive('n2', heartbeat))
  })

  it('is limited in bytes, and accepts a larger message if it is alone', () => {
    const mailbox = new Mailbox({ messagesMax: 100, bytesMax: 300 })
    const large = { ...heartbeat, blocks: [{ ...encodeNoop(1, 1), size: 1000 }] }
    assert.ok(mailbox.receive('n2', large))
    assert.ok(!mailbox.receive('n2', heartbeat))
  })
})
