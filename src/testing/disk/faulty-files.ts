/**
 * A simulated disk below a directory: a crash at any step leaves a copy without unsynced data or with a half-finished write,
 * syncs can be ignored, and writes can fail.
 */
import { Random } from '../../core/random.ts'
import type { Survivors } from './unsynced-data.ts'
import { UnsyncedData } from './unsynced-data.ts'
import type { FileWatcher, WatchedFile } from './watched-files.ts'

/** Leaves a copy of the directory as a crash would. */
export type Crash = (left: Survivors) => Promise<void>

export class FaultyFiles implements FileWatcher {
  readonly #unsynced = new UnsyncedData()
  /** Chooses where writes are torn and which sectors survive: others at each crash point, and the same ones if a check is repeated. */
  #random = new Random(0)
  #armed: { crashPointsLeft: number; readonly crash: Crash } | undefined
  #crashing: Promise<void> | undefined
  /** Whether syncs have no effect: all of them, or those of the files for which this returns true. */
  ignoresSync: (path: string) => boolean = () => false
  /** Whether every write fails because the disk is full. */
  isFull = false
  /** Whether the syncs of files fail. */
  failsSyncs = false
  /** The number of next opens that fail for want of a descriptor. */
  opensToFail = 0

  beforeOpen(path: string): void {
    if (this.opensToFail === 0) return
    this.opensToFail--
    throw Object.assign(new Error(`EMFILE: too many open files, open '${path}'`), { code: 'EMFILE' })
  }

  /** Runs an action and crashes at one of its crash points; resolves with false if the action ends first. */
  async crashWithin(action: () => Promise<unknown>, moment: number, crash: Crash): Promise<boolean> {
    this.#random = new Random(moment)
    const crashed = new Promise<void>((resolve) => {
      this.#armed = { crashPointsLeft: moment, crash: (left) => crash(left).finally(resolve) }
    })
    await Promise.race([crashed, action().catch(() => undefined)])
    this.#armed = undefined
    const crashing = this.#crashing
    this.#crashing = undefined
    await crashing
    return crashing !== undefined
  }

  /** Removes from a copy of a directory what does not survive the crash. */
  dropUnsynced(directory: string, copy: string, left: Survivors): void {
    this.#unsynced.applyTo(directory, copy, left, this.#random)
    this.#unsynced.clear()
    this.ignoresSync = () => false
    this.failsSyncs = false
  }

  afterCreate(path: string): void {
    this.#unsynced.recordCreate(path)
  }

  beforeWrite(file: WatchedFile): void {
    if (this.isFull)
      throw Object.assign(new Error(`ENOSPC: no space left on device, write '${file.path}'`), { code: 'ENOSPC' })
    this.#unsynced.recordWrite(file)
  }

  /** At any byte but the first and the last. */
  tearAt(length: number): number {
    return this.#random.between(Math.min(1, length), length)
  }

  async duringWrite(): Promise<void> {
    await this.crashPoint('all')
    await this.crashPoint('sectors')
  }

  async afterWrite(file: WatchedFile, isSynced: boolean): Promise<void> {
    if (!isSynced) return
    this.afterWriteNow(file)
    for (const left of ['nothing', 'sectors'] as const) await this.crashPoint(left)
  }

  afterWriteNow({ path }: WatchedFile): void {
    if (this.failsSyncs) throw Object.assign(new Error(`EIO: i/o error, write '${path}'`), { code: 'EIO' })
  }

  /** A crash before a sync loses data. The next crash point, after the sync, covers the case in which it survives. */
  async beforeSync({ path }: WatchedFile): Promise<void> {
    if (this.failsSyncs) throw Object.assign(new Error(`EIO: i/o error, fsync '${path}'`), { code: 'EIO' })
    for (const left of ['nothing', 'sectors'] as const) await this.crashPoint(left)
  }

  afterSync(file: WatchedFile): void {
    if (this.ignoresSync(file.path)) return
    this.#unsynced.recordSync(file)
  }

  async beforeRename(from: string, to: string): Promise<void> {
    for (const path of [from, to]) this.#unsynced.recordName(path)
  }

  async afterRename(): Promise<void> {
    for (const left of ['nothing', 'names', 'contents'] as const) await this.crashPoint(left)
  }

  async beforeRemove(path: string): Promise<void> {
    this.#unsynced.recordName(path)
    await this.crashPoint('all')
  }

  /** Crashes here if the chosen crash point is reached; the running operation waits meanwhile. */
  protected async crashPoint(left: Survivors): Promise<void> {
    if (this.#armed === undefined || this.#armed.crashPointsLeft-- > 0) return
    const { crash } = this.#armed
    this.#armed = undefined
    this.#crashing = crash(left)
    await this.#crashing
  }
}
