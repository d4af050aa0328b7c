/** Asks the state machine for a digest of its state, at the same indexes on every node. */
import type { StateMachine } from '../../contracts/state-machine.ts'
import type { LogIndex, StateDigest } from '../../core/types.ts'
import { RaftError } from '../../errors.ts'
import { crc32 } from '../../platform/checksums.ts'

export interface DigestPointsParts {
  readonly machine: { readonly digest?: StateMachine['digest'] | undefined }
  /** The same on every node: a digest is computed at the end of the first block that reaches a multiple of this index. */
  readonly digestEntries: number
  readonly onDigested: (digest: StateDigest) => void
}

export class DigestPoints {
  readonly #parts: DigestPointsParts

  constructor(parts: DigestPointsParts) {
    this.#parts = parts
  }

  /** A block is applied. Blocks are the same on every node. */
  onBlockApplied(first: LogIndex, count: number): void {
    const { machine, digestEntries, onDigested } = this.#parts
    if (machine.digest === undefined) return
    const index = first + count - 1
    if (Math.floor(index / digestEntries) === Math.floor((first - 1) / digestEntries)) return
    onDigested({ index, ...digestOf(textOf(machine, index), index) })
  }
}

function textOf(machine: DigestPointsParts['machine'], index: LogIndex): unknown {
  try {
    return machine.digest?.()
  } catch (cause) {
    const thrown = cause instanceof Error ? (cause.stack ?? cause.message) : String(cause)
    throw new RaftError('ERR_RAFT_APPLY', `digest() of the state machine threw after index ${index}: ${thrown}`, {
      hint: 'the other nodes call it in the same state: fix digest() and restart; it must work in every state',
      details: { index },
      cause,
    })
  }
}

/** Text before a ':' is the kind. Of both a checksum is enough: the comparison detects faults, not malice. */
function digestOf(text: unknown, index: LogIndex): Omit<StateDigest, 'index'> {
  if (typeof text !== 'string')
    throw new RaftError('ERR_RAFT_APPLY', `digest() of the state machine returned ${kindOf(text)}, not a string`, {
      hint: 'return a short text that is equal for equal states',
      details: { index },
    })
  const colon = text.indexOf(':')
  return { kind: crc32(text.slice(0, Math.max(colon, 0))), value: crc32(text.slice(colon + 1)) }
}

function kindOf(value: unknown): string {
  return value instanceof Promise ? 'a promise' : value === null ? 'null' : typeof value
}
