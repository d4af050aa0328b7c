/** What a peer protocol provides to share a port with gRPC. */
import type { Socket } from 'node:net'
import type { Caller } from '../access/caller.ts'
import type { PeerProtocol } from './peer-call.ts'
import type { PeerNetwork } from './peer-network.ts'

/** A peer protocol whose connections begin with a preface of its own. */
export interface PortProtocol extends PeerProtocol {
  readonly prefaceBytes: number
  /** Takes a connection that begins with this preface; returns false if it is not one of this protocol. */
  accept(socket: Socket, caller: Caller, preface: Buffer, network: PeerNetwork, onGreeted: () => void): boolean
  /** Answers a connection of this protocol at a port that needs TLS with the reason; returns false if it is not one. */
  refusePlain(socket: Socket, preface: Buffer): boolean
  /** Closes every connection. */
  close(): void
}

/** A protocol at the port of a gRPC server, and whether the node connects to its peers with it. */
export interface SharedPort {
  readonly protocol: PortProtocol
  readonly isDialled: boolean
}
