/** Applies the entries of sessions to a state machine: each command once, with its result kept for a repetition. */

import type { ApplyContext, Codec, StateMachine } from '../contracts/state-machine.ts'
import type { LogIndex, Term } from '../core/types.ts'
import type { RaftError } from '../errors.ts'
import { fromLatin1, latin1 } from '../platform/bytes.ts'
import { crc32 } from '../platform/checksums.ts'
import type { Envelope } from './envelope.ts'
import { decodeEnvelope } from './envelope.ts'
import { LogTime } from './log-time.ts'
import { machineTooOldError } from './machine-version.ts'
import { expiredError, refusalError, resultDroppedError } from './session-errors.ts'
import { SessionTable } from './session-table.ts'
import { splitTable, withTable } from './snapshot-stream.ts'
import { decodeTable, encodeTable } from './table-bytes.ts'

/** What an entry of a session has brought about, and the place of the entry that did it: an earlier one for a repeated command. */
export type SessionOutcome<Result> =
  | { readonly index: LogIndex; readonly term: Term; readonly result: Result | undefined }
  | RaftError

export interface SessionMachineParts<Command, Result> {
  readonly machine: StateMachine<Command, Result>
  readonly codec: Codec<Command>
  readonly resultCodec: Codec<Result>
  /** A clock of this process, in milliseconds. Only for the stamps of new entries: nothing that is applied depends on it. */
  readonly now: () => number
  /**
   * Called after each command that was executed, not for registrations and repeated commands. Without it no result is encoded for it. The result
   * has one character per byte (latin1), and is undefined if it cannot be encoded.
   */
  readonly onExecuted?: ((index: LogIndex, result: string | undefined) => void) | undefined
}

/** The user's state machine with the table of sessions beside it. Its snapshots and digests contain both. */
export class SessionMachine<Command, Result> {
  readonly table: SessionTable = new SessionTable()
  readonly logTime: LogTime
  /** Only if the user's state machine has one. */
  readonly digest: (() => string) | undefined
  /** The newest version of commands that the machine applies. */
  readonly supportedVersion: number
  readonly #machine: StateMachine<Command, Result>
  readonly #codec: Codec<Command>
  readonly #resultCodec: Codec<Result>
  #machineVersion = 1
  readonly #onExecuted: ((index: LogIndex, result: string | undefined) => void) | undefined

  constructor({ machine, codec, resultCodec, now, onExecuted }: SessionMachineParts<Command, Result>) {
    this.#machine = machine
    this.supportedVersion = machine.machineVersion ?? 1
    this.#codec = codec
    this.#resultCodec = resultCodec
    this.#onExecuted = onExecuted
    this.logTime = new LogTime(now)
    this.digest = machine.digest === undefined ? undefined : () => this.#withTableDigest(machine.digest?.() as string)
  }

  /** The machine version in force: that of the last entry that raised it. */
  get machineVersion(): number {
    return this.#machineVersion
  }

  /** Applies a command without a session. */
  apply(command: Uint8Array, context: ApplyContext): Result {
    const result = this.#execute(command, context)
    if (this.#onExecuted !== undefined) this.#onExecuted(context.index, this.#encodeResult(result))
    return result
  }

  /** Applies an entry with an envelope. The result of a repeated command is decoded only if a caller waits for it. */
  applyEnvelope(bytes: Uint8Array, context: ApplyContext, isAwaited: boolean): SessionOutcome<Result> {
    const envelope = decodeEnvelope(bytes)
    if (envelope.type === 'command') return this.#applyCommand(envelope, context, isAwaited)
    if (envelope.type === 'machineVersion') {
      this.#raiseVersion(envelope.version, `the entry at index ${context.index}`)
      return { ...context, result: undefined }
    }
    this.table.register(context.index, envelope.time, envelope.limits)
    this.logTime.onApplied(this.table.time)
    return { ...context, result: undefined }
  }

  #applyCommand(
    { id, sequence, lowest, time, command }: Extract<Envelope, { type: 'command' }>,
    context: ApplyContext,
    isAwaited: boolean,
  ): SessionOutcome<Result> {
    const { table } = this
    const verdict = table.command(id, sequence, lowest, time)
    this.logTime.onApplied(table.time)
    if (verdict.type === 'execute') {
      const result = this.#execute(command, context)
      const { index, term } = context
      const bytes = this.#encodeResult(result)
      table.record(verdict.session, sequence, { index, term, bytes })
      this.#onExecuted?.(index, bytes)
      return { index, term, result }
    }
    if (verdict.type === 'unknownSession') return expiredError(id)
    if (verdict.type !== 'repeated') return refusalError(id, sequence, verdict)
    const { index, term, bytes } = verdict.result
    if (bytes === undefined) return resultDroppedError(id, sequence, index)
    try {
      return { index, term, result: isAwaited ? this.#resultCodec.decode(fromLatin1(bytes)) : undefined }
    } catch {
      return resultDroppedError(id, sequence, index)
    }
  }

  #execute(command: Uint8Array, context: ApplyContext): Result {
    return this.#machine.apply(this.#codec.decode(command), context)
  }

  /** A copy: the codec may use its memory again. A result that cannot be encoded counts as dropped. */
  #encodeResult(result: Result): string | undefined {
    try {
      return latin1(this.#resultCodec.encode(result))
    } catch {
      return undefined
    }
  }

  snapshot(): Iterable<Uint8Array> | AsyncIterable<Uint8Array> {
    const version = this.#machineVersion
    const table = this.table.isUsed || version > 1 ? encodeTable(this.table, { results: true }) : undefined
    return withTable(this.#machine.snapshot(), table && { bytes: table, machineVersion: version })
  }

  async restore(chunks: AsyncIterable<Uint8Array>): Promise<void> {
    const { bytes, machineVersion, rest } = await splitTable(chunks)
    this.#machineVersion = 1
    this.#raiseVersion(machineVersion, 'the snapshot')
    await this.#machine.restore(rest)
    decodeTable(bytes, this.table)
    this.logTime.onApplied(this.table.time)
  }

  /** Throws ERR_RAFT_MACHINE_TOO_OLD before anything is applied that the machine does not know. */
  #raiseVersion(version: number, what: string): void {
    if (version > this.supportedVersion) throw machineTooOldError(version, this.supportedVersion, what)
    this.#machineVersion = Math.max(version, this.#machineVersion)
  }

  /** Leaves an invalid digest as it is, so that its error names it. A digest of both is of another kind than one of the machine alone. */
  #withTableDigest(digest: string): string {
    if (typeof digest !== 'string') return digest
    const colon = Math.max(digest.indexOf(':'), 0)
    const version = this.#machineVersion > 1 ? `+machine${this.#machineVersion}` : ''
    const kind = `${digest.slice(0, colon)}${version}`
    if (!this.table.isUsed) return version === '' ? digest : `${kind}:${digest.slice(colon)}`
    const own = crc32(encodeTable(this.table, { results: false }))
    return `${kind}+sessions1:${digest.slice(colon)}+${own}`
  }
}
