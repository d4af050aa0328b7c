/** Builds a faulty transport: the in-memory transport with overridden methods of the transport, of its host, or of both. */
import type { PeerMessage, Transport, TransportHost } from '../../src/contracts/transport.ts'
import { MemoryNetwork } from '../../src/memory/memory-transport.ts'
import type { TransportFixture } from '../../src/testing/contracts/transport-contract.ts'

export interface FaultyTransport {
  /** The defect, as the predicate of a sentence. */
  readonly defect: string
  /** The checks that must fail: group name and title of each. */
  readonly failingChecks: readonly string[]
  readonly make: () => TransportFixture
}

/** What an override can use. */
export interface DefectContext {
  readonly correct: Transport
  /** The hosts of all transports, by node id. */
  readonly hosts: ReadonlyMap<string, TransportHost>
}

/** The overridden methods. All others behave correctly. */
export interface TransportDefect {
  /** Methods of the transport. */
  readonly transport?: Partial<Transport>
  /** Methods of the host as the transport sees it. */
  readonly host?: (host: TransportHost) => Partial<TransportHost>
}

/** Further members of the fixture. */
export interface FixtureOverrides extends Partial<TransportFixture> {
  /** The real window in bytes, if it differs from the announced one. */
  readonly queueBytes?: number
}

export const WINDOW_BYTES = 1024 * 1024

export function faulty(
  defect: string,
  failingChecks: string | readonly string[],
  override: (context: DefectContext) => TransportDefect,
  fixtureOverrides: (hosts: ReadonlyMap<string, TransportHost>) => FixtureOverrides = () => ({}),
): FaultyTransport {
  const make = (): TransportFixture => {
    const hosts = new Map<string, TransportHost>()
    const { queueBytes = WINDOW_BYTES, ...overrides } = fixtureOverrides(hosts)
    const network = new MemoryNetwork({ windowBytes: queueBytes, refusalPauseMs: 20 })
    return {
      createTransport: (id) => {
        const correct = network.transport(id)
        return applyDefect(correct, hosts, override({ correct, hosts }))
      },
      addressFor: (_, to) => to,
      cut: (one, other) => network.cut(one, other),
      heal: (one, other) => network.heal(one, other),
      stall: (one, other) => network.stall(one, other),
      resume: (one, other) => network.resume(one, other),
      windowBytes: WINDOW_BYTES,
      close: async () => undefined,
      ...overrides,
    }
  }
  return { defect, failingChecks: typeof failingChecks === 'string' ? [failingChecks] : failingChecks, make }
}

function applyDefect(correct: Transport, hosts: Map<string, TransportHost>, overrides: TransportDefect): Transport {
  return {
    start: (host) => {
      hosts.set(host.identity.nodeId, host)
      return correct.start({ ...allMethodsOf(host), ...overrides.host?.(host) })
    },
    address: correct.address,
    setPeers: (addresses) => correct.setPeers(addresses),
    send: (to, message) => correct.send(to, message),
    fetchSnapshot: (from, id, offset, signal) => correct.fetchSnapshot(from, id, offset, signal),
    close: () => correct.close(),
    ...overrides.transport,
  }
}

function allMethodsOf(host: TransportHost): TransportHost {
  return {
    identity: host.identity,
    admit: (peer) => host.admit(peer),
    receive: (from, message) => host.receive(from, message),
    peerConnected: (peer) => host.peerConnected(peer),
    peerReached: (peer, address) => host.peerReached(peer, address),
    condition: (code, facts) => host.condition(code, facts),
    peerLost: (peer, reason) => host.peerLost(peer, reason),
    refusedBy: (peer, refusal) => host.refusedBy(peer, refusal),
    readSnapshot: (id, offset) => host.readSnapshot(id, offset),
  }
}

/** A copy of the message with two bytes of each block changed. */
export function damaged(message: PeerMessage): PeerMessage {
  if (message.type !== 'AppendEntriesRequest') return message
  const blocks = message.blocks.map((block) => {
    const bytes = Uint8Array.from(block.bytes)
    bytes[bytes.length >> 1] = 0
    bytes[(bytes.length >> 1) + 1] = 0
    return { ...block, bytes }
  })
  return { ...message, blocks }
}
