/** A storage in plain files: one for the log and all that belongs to it, and one for each snapshot. */
import { resolve } from 'node:path'
import { deserialize, serialize } from 'node:v8'
import type {
  BootHistory,
  EncodedBlock,
  RecoveredState,
  Storage,
  StorageIdentity,
  StorageWrite,
  Unusable,
} from 'quorate'
import { nextBoot, RaftError } from 'quorate'
import { CheckedFiles } from './checked-files.ts'
import { FileSnapshots, fileOf } from './file-snapshots.ts'

type Log = Pick<RecoveredState, 'hardState' | 'snapshot'> & { readonly blocks: readonly EncodedBlock[] }

interface State {
  readonly identity: StorageIdentity
  readonly directoryId: string
  readonly boot: BootHistory
  readonly log: Log | undefined
  readonly unusable: Unusable | undefined
}

const STATE = 'state'
const NOTHING: Log = { hardState: { term: 0, votedFor: undefined, commitIndex: 0 }, snapshot: undefined, blocks: [] }
/** The directories that this process has open. Another process is not noticed: a real storage locks a file. */
const inUse = new Set<string>()

export class FileStorage implements Storage {
  readonly name = 'files'
  readonly snapshots: FileSnapshots
  readonly #files: CheckedFiles
  #phase: 'new' | 'opening' | 'open' | 'closed' = 'new'
  #failure: RaftError | undefined
  #state: State | undefined
  #writing: Promise<void> = Promise.resolve()

  constructor(path: string) {
    this.#files = new CheckedFiles(resolve(path))
    this.snapshots = new FileSnapshots(this.#files, () => this.#usableState())
  }

  async open(wanted: StorageIdentity): Promise<RecoveredState> {
    const { path } = this.#files
    if (this.#phase !== 'new') throw new RaftError('ERR_RAFT_CLOSED', 'already opened or closed: create a new storage')
    if (inUse.has(path)) throw new RaftError('ERR_RAFT_DATA_DIR_LOCKED', `${path} is in use`)
    this.#phase = 'opening'
    inUse.add(path)
    const opened = this.#recover(wanted)
    this.#writing = opened.then(
      () => undefined,
      () => undefined,
    )
    try {
      const recovered = await opened
      if (this.#isClosed) throw new RaftError('ERR_RAFT_CLOSED', 'it was closed while it opened')
      this.#phase = 'open'
      return recovered
    } catch (error) {
      this.#phase = 'closed'
      inUse.delete(path)
      throw error
    }
  }

  async write(write: StorageWrite): Promise<void> {
    const state = this.#usableState()
    await this.#replace({ ...state, log: after(state.log ?? NOTHING, write) })
  }

  async read(from: number, bytesMax: number): Promise<EncodedBlock[]> {
    const blocks = this.#usableState().log?.blocks ?? []
    const start = blocks.findIndex(({ first }) => first === from)
    if (start < 0) throw new RaftError('ERR_RAFT_COMPACTED', `no block starts at ${from}`)
    let end = start + 1
    for (let bytes = blocks[start]?.size ?? 0; end < blocks.length; end++) {
      bytes += blocks[end]?.size ?? 0
      if (bytes > bytesMax) break
    }
    return blocks.slice(start, end)
  }

  async freeBytes(): Promise<undefined> {
    this.#usableState()
  }

  async markUnusable({ code, message }: Unusable): Promise<void> {
    if (this.#phase !== 'open' || this.#state === undefined) throw closed()
    await this.#replace({ ...this.#state, unusable: { code, message } })
  }

  async close(): Promise<void> {
    const wasOpen = this.#phase === 'open'
    this.#phase = 'closed'
    await this.#writing.catch(() => undefined)
    await this.snapshots.idle()
    if (wasOpen) inUse.delete(this.#files.path)
  }

  get #isClosed(): boolean {
    return this.#phase === 'closed'
  }

  async #recover(wanted: StorageIdentity): Promise<RecoveredState> {
    const { path } = this.#files
    const names = await this.#files.open()
    const bytes = await this.#files.read(STATE)
    if (bytes === undefined && names.length > 0)
      throw new RaftError('ERR_RAFT_CORRUPT', `${path} has snapshots, but no ${STATE}`)
    const stored = bytes === undefined ? undefined : (deserialize(bytes) as State)
    const identity = stored?.identity ?? {
      clusterId: wanted.clusterId || (wanted.newClusterId ?? ''),
      nodeId: wanted.nodeId,
    }
    if (wanted.clusterId !== '' && wanted.clusterId !== identity.clusterId)
      throw new RaftError(
        'ERR_RAFT_CLUSTER_MISMATCH',
        `${path} belongs to cluster ${identity.clusterId}, not ${wanted.clusterId}`,
      )
    if (wanted.nodeId !== identity.nodeId)
      throw new RaftError('ERR_RAFT_NODE_MISMATCH', `${path} belongs to ${identity.nodeId}, not ${wanted.nodeId}`)
    if (stored?.unusable !== undefined) throw new RaftError(stored.unusable.code, stored.unusable.message)
    const { snapshot } = stored?.log ?? NOTHING
    if (snapshot !== undefined && !names.includes(fileOf('complete', snapshot.id)))
      throw new RaftError('ERR_RAFT_CORRUPT', `${path} lacks its snapshot ${snapshot.id}`)
    const boot = nextBoot(stored?.boot, crypto.randomUUID())
    const directoryId = stored?.directoryId ?? crypto.randomUUID()
    const state: State = { identity, directoryId, boot, log: stored?.log, unusable: undefined }
    await this.#files.write(STATE, serialize(state))
    this.#state = state
    const { hardState, blocks } = state.log ?? NOTHING
    const heads = blocks.map(({ bytes: _, ...head }) => head)
    return { identity, directoryId, boot, hardState, snapshot, blocks: heads, isNew: state.log === undefined }
  }

  /** After a failed write every later call rejects with the same error. */
  #replace(state: State): Promise<void> {
    const written = this.#files.write(STATE, serialize(state)).then(
      () => {
        this.#state = state
      },
      (error) => {
        this.#failure ??= error
        throw error
      },
    )
    this.#writing = written
    return written
  }

  #usableState(): State {
    if (this.#phase !== 'open' || this.#state === undefined) throw closed()
    if (this.#failure !== undefined) throw this.#failure
    return this.#state
  }
}

function closed(): RaftError {
  return new RaftError('ERR_RAFT_CLOSED', 'the storage is not open')
}

/** The log after a write. Throws if the write does not fit the log. */
function after(log: Log, { snapshot, truncateAfter = Infinity, blocks, hardState, compactTo = 0 }: StorageWrite): Log {
  const old = snapshot?.resetLog ? [] : log.blocks.filter(({ first }) => first <= truncateAfter)
  const known = snapshot?.info ?? log.snapshot
  const covered = known?.index ?? 0
  const before = old.at(-1)
  let last =
    before === undefined ? { index: covered, term: known?.term ?? 0 } : { index: endOf(before), term: before.term }
  for (const block of blocks) {
    if (block.first !== last.index + 1 || block.term < last.term)
      throw new RaftError(
        'ERR_RAFT_INTERNAL',
        `block ${block.first} of term ${block.term} cannot follow entry ${last.index} of term ${last.term}`,
      )
    last = { index: endOf(block), term: block.term }
  }
  if (compactTo > covered)
    throw new RaftError('ERR_RAFT_INTERNAL', `cannot compact to ${compactTo}: the snapshot ends at ${covered}`)
  const left = old.filter((block) => endOf(block) > compactTo)
  return { hardState: hardState ?? log.hardState, snapshot: known, blocks: [...left, ...blocks] }
}

function endOf({ first, count }: EncodedBlock): number {
  return first + count - 1
}
