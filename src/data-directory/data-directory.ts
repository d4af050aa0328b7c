/** The paths of a data directory and the identity stored in it; see docs/reference/storage-format.md. */
import { randomUUID } from 'node:crypto'
import { access, constants, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { StorageIdentity } from '../contracts/storage.ts'
import { RaftError } from '../errors.ts'
import { decodeChecksummedJson, encodeChecksummedJson } from './checksummed-json.ts'
import { makeDirectory, moveFile, replaceFile } from './durable-files.ts'
import { corrupt, hintOf, isMissing, storageError } from './storage-errors.ts'

/** The version of the layout of a data directory; the only one that this version reads and writes. */
export const STORAGE_FORMAT = 2

export type EngineName = 'rocksdb' | 'segments'

/** The content of the file IDENTITY. */
export interface DirectoryIdentity extends StorageIdentity {
  readonly format: number
  /** What keeps the blocks of its log. */
  readonly engine: EngineName
  /** Random: a directory that is created again on a wiped disk has another id. */
  readonly directoryId: string
  /** False in directories of builds that did not count boots. */
  readonly countsBoots?: boolean
  /** The cluster that this directory was a part of, if a new cluster was made of it. */
  readonly replacedClusterId?: string
}

/** What keeps the log, in words. */
export const ENGINE_TITLES: Readonly<Record<EngineName, string>> = { rocksdb: 'RocksDB', segments: 'segment files' }

export class DataDirectory {
  readonly path: string
  readonly identity: string
  /** Used in place of IDENTITY until the rest of a new directory is durable. */
  readonly newIdentity: string
  readonly owner: string
  readonly boots: string
  /** Exists only in a directory that must never be opened again. */
  readonly unusable: string
  readonly hardState: readonly [string, string]
  /** The RocksDB database. */
  readonly log: string
  /** The segments of the log, if it is not in RocksDB. */
  readonly segments: string
  readonly snapshots: string

  constructor(path: string) {
    this.path = path
    this.identity = join(path, 'IDENTITY')
    this.newIdentity = join(path, 'IDENTITY.new')
    this.owner = join(path, 'OWNER')
    this.boots = join(path, 'BOOTS')
    this.unusable = join(path, 'UNUSABLE')
    this.hardState = [join(path, 'hard-state-a'), join(path, 'hard-state-b')]
    this.log = join(path, 'log')
    this.segments = join(path, 'segments')
    this.snapshots = join(path, 'snapshots')
  }

  /** Creates the directory if necessary, and checks the permissions; rejects with ERR_RAFT_DATA_DIR_ACCESS. */
  async prepare(): Promise<void> {
    try {
      await makeDirectory(this.path)
      await access(this.path, constants.R_OK | constants.W_OK | constants.X_OK)
    } catch (cause) {
      throw await this.#accessError(cause)
    }
  }

  /** Reads IDENTITY and compares it with the expected identity; undefined if the file does not exist. */
  async readIdentity(expected: StorageIdentity, engine: EngineName): Promise<DirectoryIdentity | undefined> {
    const found = await this.#readIdentity()
    if (found !== undefined) this.#check(found, expected, engine)
    return found
  }

  /** The engine of an existing directory; undefined if it is new. */
  async engine(): Promise<EngineName | undefined> {
    return (await this.#readIdentity())?.engine
  }

  /** The identity of an existing directory, whatever node it belongs to. */
  async requireIdentity(): Promise<DirectoryIdentity> {
    const found = await this.#readIdentity()
    if (found === undefined)
      throw new RaftError('ERR_RAFT_DATA_DIR_ACCESS', `${this.path} is not a data directory: it has no file IDENTITY`, {
        hint: 'check the path; a node creates its data directory when it starts for the first time',
        details: { path: this.path },
      })
    this.#checkFormat(found)
    return found
  }

  /** Makes the other engine that of the directory: after a crash it is either the old or the new one. */
  async changeEngine(identity: DirectoryIdentity, engine: EngineName): Promise<void> {
    await replaceFile(this.identity, encodeChecksummedJson({ ...identity, engine }))
  }

  /** Makes it a directory of another cluster in place of `replacedClusterId`, with an id of its own. Returns the new identity. */
  async replaceCluster(
    identity: DirectoryIdentity,
    { clusterId, replacedClusterId }: { readonly clusterId: string; readonly replacedClusterId: string },
  ): Promise<DirectoryIdentity> {
    const replaced = { ...identity, clusterId, directoryId: randomUUID(), replacedClusterId }
    await replaceFile(this.identity, encodeChecksummedJson(replaced))
    return replaced
  }

  async #readIdentity(): Promise<DirectoryIdentity | undefined> {
    let bytes: Buffer
    try {
      bytes = await readFile(this.identity)
    } catch (cause) {
      if (isMissing(cause)) return undefined
      throw storageError(cause, `read ${this.identity}`)
    }
    const decoded = decodeChecksummedJson<DirectoryIdentity>(bytes)
    if ('damage' in decoded)
      throw corrupt(`the file ${this.identity} is damaged: ${decoded.damage}`, { file: this.identity })
    return { ...decoded.value, engine: decoded.value.engine ?? 'rocksdb' }
  }

  /** The first step of an initialization: IDENTITY.new marks a directory whose initialization is not finished. */
  async beginIdentity(identity: StorageIdentity, engine: EngineName): Promise<DirectoryIdentity> {
    const { nodeId, newClusterId = '' } = identity
    const clusterId = identity.clusterId || newClusterId
    const created = { format: STORAGE_FORMAT, engine, clusterId, nodeId, directoryId: randomUUID(), countsBoots: true }
    await replaceFile(this.newIdentity, encodeChecksummedJson(created))
    return created
  }

  /** The last step of an initialization, once the rest is durable. */
  async finishIdentity(): Promise<void> {
    await moveFile(this.newIdentity, this.identity)
  }

  #check(found: DirectoryIdentity, expected: StorageIdentity, engine: EngineName): void {
    const { clusterId, nodeId } = found
    this.#checkFormat(found)
    if (found.engine !== engine)
      throw new RaftError(
        'ERR_RAFT_STORAGE_MISMATCH',
        `the log in the data directory ${this.path} is kept in ${ENGINE_TITLES[found.engine] ?? found.engine}, and was opened with ${ENGINE_TITLES[engine]}`,
        {
          hint: `start the node with storage '${found.engine}', or without a choice; "quorate data convert" moves the log; nothing was changed`,
          details: { path: this.path, onDisk: found.engine, configured: engine },
        },
      )
    if (expected.clusterId !== '' && clusterId !== expected.clusterId)
      throw new RaftError(
        'ERR_RAFT_CLUSTER_MISMATCH',
        `the data directory ${this.path} belongs to cluster ${clusterId}, and this node was started for cluster ${expected.clusterId}`,
        {
          hint: 'correct the cluster id, or choose another data directory; do not delete the directory unless its cluster no longer exists',
          details: { path: this.path, onDisk: clusterId, configured: expected.clusterId },
        },
      )
    if (nodeId !== expected.nodeId)
      throw new RaftError(
        'ERR_RAFT_NODE_MISMATCH',
        `the data directory ${this.path} belongs to ${nodeId}, and was opened as ${expected.nodeId}`,
        {
          hint: 'correct the node id or the data directory: two nodes must never share voting state',
          details: { path: this.path, onDisk: nodeId, configured: expected.nodeId },
        },
      )
  }

  #checkFormat({ format }: DirectoryIdentity): void {
    if (format !== STORAGE_FORMAT)
      throw new RaftError(
        'ERR_RAFT_FORMAT',
        `the data directory ${this.path} has storage format ${format}, and this version reads format ${STORAGE_FORMAT}`,
        {
          hint: 'start it with the version of quorate that wrote it; nothing was changed',
          details: { path: this.path, found: format, supported: STORAGE_FORMAT },
        },
      )
  }

  async #accessError(cause: unknown): Promise<RaftError> {
    const isFile = await stat(this.path).then(
      (found) => !found.isDirectory(),
      () => false,
    )
    const mapped = storageError(cause, `use the data directory ${this.path}`)
    // Its parent exists and takes no new names.
    const isUncreatable = isMissing(cause)
    if (mapped.code !== 'ERR_RAFT_DATA_DIR_ACCESS' && !isUncreatable) return mapped
    const reason = isFile ? 'it is a file, not a directory' : (cause as Error).message
    const uid = process.getuid?.()
    const found = await stat(this.path).catch(() => undefined)
    const mode = found === undefined ? undefined : (found.mode & 0o777).toString(8).padStart(3, '0')
    const ownership = found === undefined ? '' : ` (mode ${mode}, owner ${found.uid}; this process is user ${uid})`
    return new RaftError(
      'ERR_RAFT_DATA_DIR_ACCESS',
      `could not use the data directory ${this.path}: ${reason}${ownership}`,
      {
        hint: hintOf('ERR_RAFT_DATA_DIR_ACCESS'),
        details: { path: this.path, uid, mode },
        cause,
      },
    )
  }
}
