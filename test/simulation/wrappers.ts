/** Wrappers that make a storage or core faulty, by changing its inputs or its outputs. */
import type { Storage } from '../../src/contracts/storage.ts'
import type { Effects } from '../../src/core/effects.ts'
import type { Input } from '../../src/core/inputs.ts'
import type { AppendEntriesResponse, Message } from '../../src/core/messages.ts'
import type { Raft } from '../../src/core/raft.ts'
import type { NodeId } from '../../src/core/types.ts'
import type { RaftCore } from '../../src/runtime/pipeline/driver.ts'

export function withStorage(storage: Storage, own: Partial<Storage>): Storage {
  return {
    open: (identity) => storage.open(identity),
    write: (write) => storage.write(write),
    read: (from, bytesMax) => storage.read(from, bytesMax),
    snapshots: storage.snapshots,
    freeBytes: () => storage.freeBytes(),
    markUnusable: (reason) => storage.markUnusable(reason),
    close: () => storage.close(),
    ...own,
  }
}

export function withInputs(core: RaftCore, change: (input: Input) => readonly Input[]): RaftCore {
  return {
    step: (now, inputs) => core.step(now, inputs.flatMap(change)),
    status: (now) => core.status(now),
    blockAt: (index) => core.blockAt(index),
    snapshotMetadata: (index) => core.snapshotMetadata(index),
  }
}

export function withEffects(core: RaftCore, change: (effects: Effects) => Effects): RaftCore {
  return {
    step: (now, inputs) => change(core.step(now, inputs)),
    status: (now) => core.status(now),
    blockAt: (index) => core.blockAt(index),
    snapshotMetadata: (index) => core.snapshotMetadata(index),
  }
}

export function withMessages(core: RaftCore, change: (message: Message) => Message): RaftCore {
  return withEffects(core, (effects) => {
    const { persist, send } = effects
    const changed = (outgoing: Effects['send']): Effects['send'] =>
      outgoing.map(({ to, message }) => ({ to, message: change(message) }))
    return {
      ...effects,
      send: changed(send),
      persist: persist === undefined ? undefined : { ...persist, then: changed(persist.then) },
    }
  })
}

export function rejectionIn(input: Input): AppendEntriesResponse | undefined {
  if (input.type !== 'receive' || input.message.type !== 'AppendEntriesResponse') return undefined
  return input.message.isAccepted ? undefined : input.message
}

/** A leader that ignores the hint of a rejection and backs up by a fixed number of entries. */
export function withFixedBacktrack(raft: Raft, entries: number): RaftCore {
  return withInputs(raft, (input) => {
    const rejection = rejectionIn(input)
    if (rejection === undefined) return [input]
    const hintIndex = Math.max(rejection.index - entries, raft.state.log.baseIndex)
    const hintTerm = raft.state.log.termAt(hintIndex) ?? rejection.hintTerm
    return [{ ...input, message: { ...rejection, hintIndex, hintTerm } } as Input]
  })
}

/** A leader that commits the index that `reached` returns for the ascending match indexes of the voters. */
export function withCommitRule(raft: Raft, reached: (matches: readonly number[]) => number): RaftCore {
  return withEffects(raft, (effects) => {
    const { role, log, membership, id } = raft.state
    if (role.type !== 'leader') return effects
    const matches = membership.voters
      .map((voter) => (voter === id ? log.persistedIndex : (role.progress.get(voter)?.matchIndex ?? 0)))
      .sort((one, other) => one - other)
    const index = reached(matches)
    if (index > log.commitIndex && index <= log.lastIndex) log.commitTo(index)
    return effects
  })
}

/** A core that sends only the messages for which `passes` returns true. */
export function withMessageFilter(core: RaftCore, passes: (message: Message, to: NodeId) => boolean): RaftCore {
  return withEffects(core, (effects) => {
    const { persist, send } = effects
    const some = (outgoing: Effects['send']): Effects['send'] =>
      outgoing.filter(({ to, message }) => passes(message, to))
    return {
      ...effects,
      send: some(send),
      persist: persist === undefined ? undefined : { ...persist, then: some(persist.then) },
    }
  })
}

/** A leader that offers each snapshot only once per follower and term. */
export function withoutRepeatedOffers(core: RaftCore): RaftCore {
  const offered = new Set<string>()
  return withMessageFilter(core, (message, to) => {
    if (message.type !== 'InstallSnapshotRequest') return true
    const offer = `${message.term} ${message.snapshot.id} ${to}`
    const isNew = !offered.has(offer)
    offered.add(offer)
    return isNew
  })
}
