/** Optional capabilities of a transport fixture. A check that needs a missing one fails with an explanation. */
import assert from 'node:assert/strict'
import type { NodeId } from '../../../core/types.ts'
import type { TransportFixture } from './transport-fixture.ts'

/** The capabilities that `unsupported` accepts. */
export type TransportCapability = 'stalls' | 'largest message' | 'raw bytes' | 'injected bytes'

export const TRANSPORT_CAPABILITIES: readonly TransportCapability[] = Object.keys({
  stalls: true,
  'largest message': true,
  'raw bytes': true,
  'injected bytes': true,
} satisfies Record<TransportCapability, true>) as TransportCapability[]

export interface Stall {
  readonly stall: () => Promise<void>
  readonly resume: () => Promise<void>
}

/** Stalls and resumes the link between two nodes: nothing gets through, and no end is notified. */
export function requireStall(fixture: TransportFixture, one: NodeId, other: NodeId): Stall {
  return {
    stall: async () => {
      assert.ok(fixture.stall !== undefined, missingCapability('stall', 'stalls'))
      await fixture.stall(one, other)
    },
    resume: async () => {
      assert.ok(fixture.resume !== undefined, missingCapability('resume', 'stalls'))
      await fixture.resume(one, other)
    },
  }
}

/** The size in bytes of the largest message that the transports send. */
export function requireMessageBytesMax(fixture: TransportFixture): number {
  assert.ok(fixture.messageBytesMax !== undefined, missingCapability('messageBytesMax', 'largest message'))
  return fixture.messageBytesMax
}

/** Sends arbitrary bytes to a node on a new connection. */
export function requireSendRaw(fixture: TransportFixture): (to: NodeId, bytes: Uint8Array) => Promise<void> {
  assert.ok(fixture.sendRaw !== undefined, missingCapability('sendRaw', 'raw bytes'))
  return fixture.sendRaw
}

/** Injects bytes into the stream from one node to another. */
export function requireInject(
  fixture: TransportFixture,
): (from: NodeId, to: NodeId, bytes: Uint8Array) => void | Promise<void> {
  assert.ok(fixture.inject !== undefined, missingCapability('inject', 'injected bytes'))
  return fixture.inject
}

/** Flips a bit in the stream from one node to another. */
export function requireCorrupt(fixture: TransportFixture): (from: NodeId, to: NodeId) => void | Promise<void> {
  assert.ok(fixture.corrupt !== undefined, missingCapability('corrupt', 'injected bytes'))
  return fixture.corrupt
}

function missingCapability(member: keyof TransportFixture, capability: TransportCapability): string {
  return `the fixture has no ${member}: add it, or pass unsupported: ['${capability}'] to skip these checks`
}
