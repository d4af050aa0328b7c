/** What a network can do to transports besides carrying for them; whoever lacks an ability says so, and nothing is skipped in silence. */
import assert from 'node:assert/strict'
import type { NodeId } from '../../../core/types.ts'
import type { TransportFixture } from './test-network.ts'

/** What a suite can be told to do without. */
export type TransportCapability = 'stalls' | 'a largest message' | 'raw bytes' | 'bytes in between'

export interface Stall {
  readonly stall: () => Promise<void>
  readonly resume: () => Promise<void>
}

/** How nothing gets through between two nodes, and nobody is told. */
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

/** The largest message that a transport of this world sends. */
export function requireMessageBytesMax(fixture: TransportFixture): number {
  assert.ok(fixture.messageBytesMax !== undefined, missingCapability('messageBytesMax', 'a largest message'))
  return fixture.messageBytesMax
}

/** Sends a node bytes that no transport would, on a connection of their own. */
export function requireSendRaw(fixture: TransportFixture): (to: NodeId, bytes: Uint8Array) => Promise<void> {
  assert.ok(fixture.sendRaw !== undefined, missingCapability('sendRaw', 'raw bytes'))
  return fixture.sendRaw
}

/** Puts bytes into the middle of what one node sends to another. */
export function requireInject(
  fixture: TransportFixture,
): (from: NodeId, to: NodeId, bytes: Uint8Array) => void | Promise<void> {
  assert.ok(fixture.inject !== undefined, missingCapability('inject', 'bytes in between'))
  return fixture.inject
}

/** Changes a bit of what one node sends to another. */
export function requireCorrupt(fixture: TransportFixture): (from: NodeId, to: NodeId) => void | Promise<void> {
  assert.ok(fixture.corrupt !== undefined, missingCapability('corrupt', 'bytes in between'))
  return fixture.corrupt
}

function missingCapability(what: keyof TransportFixture, ability: TransportCapability): string {
  return `the world has no ${what}: give it one, or say without: ['${ability}'] to leave these checks out`
}
