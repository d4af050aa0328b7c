/** A MemoryNetwork as a fixture of the transport contract suite. */
import { MemoryNetwork } from '../../src/memory/memory-transport.ts'
import type { TransportFixture } from '../../src/testing/contracts/transport-contract.ts'

export function memoryTransportFixture(): TransportFixture {
  const network = new MemoryNetwork({ windowBytes: 1024 * 1024, refusalPauseMs: 20 })
  return {
    createTransport: (id) => network.transport(id),
    addressFor: (_, to) => to,
    cut: (one, other) => network.cut(one, other),
    heal: (one, other) => network.heal(one, other),
    stall: (one, other) => network.stall(one, other),
    resume: (one, other) => network.resume(one, other),
    windowBytes: network.windowBytes,
    close: () => Promise.resolve(),
  }
}
