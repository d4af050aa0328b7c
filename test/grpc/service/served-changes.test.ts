/** The frames of a stream of changes whose client does not read. */
import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import { setImmediate } from 'node:timers/promises'
import type { NodeService } from '../../../src/contracts/node-service.ts'
import type { ServedChangesCall } from '../../../src/grpc/service/served-changes.ts'
import { serveChanges } from '../../../src/grpc/service/served-changes.ts'

type Batch = ReturnType<NodeService['changesBytes']> extends AsyncIterable<infer Each> ? Each : never

/** Like a stream of grpc-js, it accepts more frames while earlier ones have not left. */
class UnreadCall extends EventEmitter {
  readonly request = { from: 1, clusterId: '' }
  readonly unsent: (() => void)[] = []
  isEnded = false

  write(_frame: unknown, onSent: () => void): boolean {
    this.unsent.push(onSent)
    return true
  }
  end(): void {
    this.isEnded = true
  }
}

describe('a stream of changes', () => {
  it('takes the next batch from the node only when the frame of the last one has left', async () => {
    let taken = 0
    async function* changesBytes({
      signal,
    }: {
      readonly signal?: AbortSignal
    }): AsyncGenerator<Batch, void, undefined> {
      while (signal?.aborted !== true && taken < 5)
        yield { changes: [], nextIndex: ++taken, clusterId: 'c' } as never as Batch
    }
    const call = new UnreadCall()
    const limits = { answerBytesMax: 1000 }
    const node = { changesBytes } as never as Pick<NodeService, 'changesBytes'>
    const served = serveChanges(call as never as ServedChangesCall, node, limits, new AbortController().signal)
    for (let turn = 0; turn < 10; turn++) await setImmediate()
    assert.equal(taken, 1)
    call.unsent.shift()?.()
    for (let turn = 0; turn < 10; turn++) await setImmediate()
    assert.equal(taken, 2)
    call.emit('cancelled')
    await served
    assert.equal(call.isEnded, true)
    assert.equal(taken, 2)
  })
})
