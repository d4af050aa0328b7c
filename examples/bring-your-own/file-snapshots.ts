/** Snapshots as files. A writer keeps what it was given in memory until it is finished or suspended. */
import { deserialize, serialize } from 'node:v8'
import type { SnapshotInfo, SnapshotStore, SnapshotWriter } from 'quorate'
import { RaftError } from 'quorate'
import type { CheckedFiles } from './checked-files.ts'

interface Contents {
  readonly info: SnapshotInfo
  readonly bytes: Uint8Array
}

type Kind = 'complete' | 'partial'

const CHUNK_BYTES = 65_536

/** An id may contain any characters, so the name of its file has their codes. */
export function fileOf(kind: Kind, id: string): string {
  return `${kind}-${Buffer.from(id).toString('hex')}`
}

export class FileSnapshots implements SnapshotStore {
  readonly #files: CheckedFiles
  readonly #assertUsable: () => void
  #changes: Promise<unknown> = Promise.resolve()

  constructor(files: CheckedFiles, assertUsable: () => void) {
    this.#files = files
    this.#assertUsable = assertUsable
  }

  /** Resolves after the changes in progress. */
  async idle(): Promise<void> {
    await this.#changes.catch(() => undefined)
  }

  async create(info: SnapshotInfo): Promise<SnapshotWriter> {
    this.#assertUsable()
    const partial = await this.#contents('partial', info.id)
    this.#assertUsable()
    const { index, term, size } = partial?.info ?? {}
    const isSame = index === info.index && term === info.term && size === info.size
    const chunks: Uint8Array[] = isSame && partial !== undefined ? [partial.bytes] : []
    let hasEnded = false
    const assertActive = (): void => {
      this.#assertUsable()
      if (hasEnded) throw new RaftError('ERR_RAFT_CLOSED', 'the writer was finished, suspended or discarded')
    }
    const end = async (kind: Kind | undefined): Promise<number> => {
      assertActive()
      hasEnded = true
      const bytes = Buffer.concat(chunks)
      const isWhole = info.size === 0 || bytes.length === info.size
      await this.#change(async () => {
        if (kind !== undefined && (kind === 'partial' || isWhole))
          await this.#files.write(fileOf(kind, info.id), serialize({ info, bytes }))
        if (kind !== 'partial') await this.#files.remove([fileOf('partial', info.id)])
      })
      if (kind === 'complete' && !isWhole)
        throw new RaftError('ERR_RAFT_CORRUPT', `received ${bytes.length} bytes, expected ${info.size}`)
      return bytes.length
    }
    return {
      offset: chunks[0]?.length ?? 0,
      write: async (chunk) => {
        assertActive()
        chunks.push(chunk.slice())
      },
      finish: () => end('complete'),
      suspend: async () => void (hasEnded || (await end('partial'))),
      discard: async () => void (hasEnded || (await end(undefined))),
    }
  }

  async *read(id: string, offset: number): AsyncGenerator<Uint8Array> {
    this.#assertUsable()
    const contents = await this.#contents('complete', id)
    if (contents === undefined) throw new RaftError('ERR_RAFT_SNAPSHOT_GONE', `there is no snapshot ${id}`)
    for (let at = offset; at < contents.bytes.length; at += CHUNK_BYTES) {
      this.#assertUsable()
      yield contents.bytes.subarray(at, at + CHUNK_BYTES)
    }
  }

  async list(): Promise<string[]> {
    this.#assertUsable()
    const names = (await this.#files.list()).filter((name) => name.startsWith('complete-'))
    return names.map((name) => Buffer.from(name.slice('complete-'.length), 'hex').toString())
  }

  async retain(ids: readonly string[]): Promise<void> {
    this.#assertUsable()
    const kept = new Set(ids.flatMap((id) => [fileOf('complete', id), fileOf('partial', id)]))
    await this.#change(async () => {
      const names = await this.#files.list()
      await this.#files.remove(names.filter((name) => /^(complete|partial)-/.test(name) && !kept.has(name)))
    })
  }

  async #contents(kind: Kind, id: string): Promise<Contents | undefined> {
    const bytes = await this.#files.read(fileOf(kind, id))
    return bytes === undefined ? undefined : (deserialize(bytes) as Contents)
  }

  /** One change after another. */
  #change(call: () => Promise<void>): Promise<void> {
    const changed = this.#changes.catch(() => undefined).then(call)
    this.#changes = changed
    return changed
  }
}
