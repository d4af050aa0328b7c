/** A client of the reflection service that reads no answers. */
import assert from 'node:assert/strict'
import { Duplex } from 'node:stream'
import { setImmediate } from 'node:timers/promises'
import type { ServiceDefinition, UntypedServiceImplementation } from '@grpc/grpc-js'
import { addReflection } from '../../../src/grpc/service/reflection-service.ts'

type Handler = (call: Duplex) => void

describe('server reflection', () => {
  it('stops reading requests while their answers are not read, and continues', async () => {
    const handlers: Handler[] = []
    addReflection({
      addService: (_: ServiceDefinition, implementation: UntypedServiceImplementation) => {
        handlers.push(...(Object.values(implementation) as unknown as Handler[]))
      },
    })
    assert.equal(handlers.length, 2)
    for (const handle of handlers) {
      const requests = 100
      const unsent: (() => void)[] = []
      let answered = 0
      const call = new Duplex({
        ...{ objectMode: true, read: () => undefined },
        write: (_answer, _encoding, onSent) => {
          answered++
          unsent.push(onSent)
        },
      })
      handle(call)
      for (let count = 0; count < requests; count++) call.push({ messageRequest: 'listServices', listServices: '' })
      for (let turn = 0; turn < 10; turn++) await setImmediate()
      assert.ok(call.writableLength <= 16, `${call.writableLength} answers wait`)
      while (unsent.length > 0) {
        unsent.shift()?.()
        await setImmediate()
      }
      assert.equal(answered, requests)
    }
  })
})
