/** The fixture of the transport contract: a network that its author provides. */
import type { Transport } from '../../../contracts/transport.ts'
import type { NodeId } from '../../../core/types.ts'

/** A network of transports that a check can disturb. Optional members are capabilities. */
export interface TransportFixture {
  /** Creates a transport. It is not started yet. */
  createTransport(id: NodeId): Transport | Promise<Transport>
  /** The address at which `from` reaches `to`. Called after both are started. */
  addressFor(from: NodeId, to: NodeId): string | Promise<string>
  /** Breaks the connections between two nodes, in both directions, until `heal`. */
  cut(one: NodeId, other: NodeId): void | Promise<void>
  heal(one: NodeId, other: NodeId): void | Promise<void>
  /** The number of bytes that a transport queues for one peer before `send` drops messages. */
  readonly windowBytes: number
  /** Stops all traffic between two nodes, in both directions, without notifying either end, until `resume`. */
  stall?(one: NodeId, other: NodeId): void | Promise<void>
  resume?(one: NodeId, other: NodeId): void | Promise<void>
  /** The size of the largest message that a transport sends, in bytes as `messageBytes` counts them. At least 5 MiB. */
  readonly messageBytesMax?: number
  /** Opens a connection to a node, sends these bytes, and closes it. Resolves when it is closed. */
  sendRaw?(to: NodeId, bytes: Uint8Array): Promise<void>
  /** Flips one bit in the middle of the next chunk of at least 16 KiB from one node to another. */
  corrupt?(from: NodeId, to: NodeId): void | Promise<void>
  /** Inserts bytes into the stream from one node to another. */
  inject?(from: NodeId, to: NodeId, bytes: Uint8Array): void | Promise<void>
  close(): Promise<void>
}
