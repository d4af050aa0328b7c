/** What a network can do to transports besides carrying for them; whoever lacks an ability says so, and nothing is skipped in silence. */
import assert from 'node:assert/strict'
import type { NodeId } from '../../../core/types.ts'
import type { TransportWorld } from './net.ts'

/** What a suite can be told to do without. */
export type TransportAbility = 'stalls' | 'a largest message' | 'raw bytes' | 'bytes in between'

export interface Stall {
  readonly stall: () => Promise<void>
  readonly resume: () => Promise<void>
}

/** How nothing gets through between two nodes, and nobody is told. */
export function stallOf(world: TransportWorld, one: NodeId, other: NodeId): Stall {
  return {
    stall: async () => {
      assert.ok(world.stall !== undefined, lacking('stall', 'stalls'))
      await world.stall(one, other)
    },
    resume: async () => {
      assert.ok(world.resume !== undefined, lacking('resume', 'stalls'))
      await world.resume(one, other)
    },
  }
}

/** The largest message that a transport of this world sends. */
export function messageBytesMaxOf(world: TransportWorld): number {
  assert.ok(world.messageBytesMax !== undefined, lacking('messageBytesMax', 'a largest message'))
  return world.messageBytesMax
}

/** Sends a node bytes that no transport would, on a connection of their own. */
export function sendRawOf(world: TransportWorld): (to: NodeId, bytes: Uint8Array) => Promise<void> {
  assert.ok(world.sendRaw !== undefined, lacking('sendRaw', 'raw bytes'))
  return world.sendRaw
}

/** Puts bytes into the middle of what one node sends to another. */
export function injectOf(world: TransportWorld): (from: NodeId, to: NodeId, bytes: Uint8Array) => void | Promise<void> {
  assert.ok(world.inject !== undefined, lacking('inject', 'bytes in between'))
  return world.inject
}

/** Changes a bit of what one node sends to another. */
export function corruptOf(world: TransportWorld): (from: NodeId, to: NodeId) => void | Promise<void> {
  assert.ok(world.corrupt !== undefined, lacking('corrupt', 'bytes in between'))
  return world.corrupt
}

function lacking(what: keyof TransportWorld, ability: TransportAbility): string {
  return `the world has no ${what}: give it one, or say without: ['${ability}'] to leave these checks out`
}
