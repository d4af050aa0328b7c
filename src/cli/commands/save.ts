/** `quorate snapshot save`: writes a backup of a running cluster to a file. */
import { createHash } from 'node:crypto'
import { open, rename, rm, stat } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import type { SnapshotInfo } from '../../core/types.ts'
import { syncDirectory } from '../../data-directory/durable-files.ts'
import { isRaftError } from '../../errors.ts'
import type { BackupSource } from '../../operations/back-up.ts'
import { backUp } from '../../operations/back-up.ts'
import { errorMessage } from '../../platform/error-message.ts'
import type { ClientSettings } from '../client-settings.ts'
import { CommandFailure } from '../command-failure.ts'
import { EXIT } from '../exit-codes.ts'
import { withClient } from '../kv-client.ts'
import { progressBar } from '../progress-bar.ts'
import type { NodeRow, StatusReport } from '../status/status-report.ts'
import type { Terminal } from '../terminal.ts'
import { readStatus } from './status.ts'

interface CommandContext {
  readonly settings: ClientSettings
  readonly terminal: Terminal
}

/** How often it starts over because newer snapshots replaced the one that it read. */
const ATTEMPTS_MAX = 3

/** The file appears at its path once it is complete and durable. If the signal is aborted, nothing is left. */
export async function save(
  { settings, terminal }: CommandContext,
  file: string,
  flags: { readonly force?: boolean },
  signal: AbortSignal,
): Promise<void> {
  const path = resolve(file)
  if (flags.force !== true && (await exists(path)))
    throw new CommandFailure(`${path} exists`, { exitCode: EXIT.usage, hint: 'choose another file, or pass --force' })
  const report = await readStatus(settings)
  const { cluster } = report
  const { id, address } = sourceOf(report)
  const saved = await withClient({ ...settings, endpoints: [address] }, async ({ raftClient }) => {
    const source: BackupSource = {
      status: async () => ({ clusterId: cluster }),
      takeSnapshot: ({ linearizable }) =>
        raftClient.takeSnapshot({
          ...{ endpoint: address, linearizable, signal },
          ...(settings.isTimeoutGiven ? { timeoutMs: settings.timeoutMs } : {}),
        }),
      readSnapshot: (snapshot, offset) => raftClient.readSnapshot(snapshot, offset, { endpoint: address, signal }),
    }
    return saveFrom(source, path, settings, signal)
  })
  const { index, term, size, sha256 } = saved
  const facts = { schema: 'quorate.backup/v1', path, clusterId: cluster, node: id, index, term, size, sha256 }
  if (settings.format === 'json') terminal.out(`${JSON.stringify(facts)}\n`)
  else
    terminal.out(`${path}
  cluster    ${cluster}
  state      after index ${index} (term ${term}), ${size} bytes, from ${id}
  sha256     ${sha256}
`)
}

/** A follower that the leader reaches and that has no alarm, so that the leader has less to do; otherwise the leader. */
export function sourceOf({ leader, nodes }: Pick<StatusReport, 'leader' | 'nodes'>): NodeRow {
  const fit = nodes.filter(({ isReachable, stopped, kind }) => {
    return isReachable && stopped === undefined && kind !== 'not a member'
  })
  const follower = fit.find(({ isReplicating, alarms }) => isReplicating === true && alarms.length === 0)
  const source = follower ?? fit.find(({ id }) => id === leader) ?? fit[0]
  if (source !== undefined) return source
  throw new CommandFailure('no member of the cluster that runs responds', { exitCode: EXIT.unreachable })
}

type Saved = Pick<SnapshotInfo, 'index' | 'term' | 'size'> & { readonly sha256: string }

async function saveFrom(
  source: BackupSource,
  path: string,
  settings: ClientSettings,
  signal: AbortSignal,
): Promise<Saved> {
  for (let attempt = 1; ; attempt++) {
    const partial = `${path}.partial`
    const bar = progressBar(settings.format, 'saved')
    try {
      const saved = await writeFile(source, partial, bar.update)
      await rename(partial, path)
      await syncDirectory(dirname(path))
      return saved
    } catch (cause) {
      // The cause matters, not that the rest of the file is left.
      await rm(partial, { force: true }).catch(() => undefined)
      if (signal.aborted)
        throw new CommandFailure(`interrupted: the backup ${path} was not written`, { exitCode: EXIT.interrupted })
      if (attempt < ATTEMPTS_MAX && isRaftError(cause, 'ERR_RAFT_SNAPSHOT_GONE')) continue
      if (isRaftError(cause)) throw cause
      const hint = 'check the directory, its mode and its free space, or choose another file'
      throw new CommandFailure(`could not write the backup ${path}: ${errorMessage(cause)}`, { hint })
    } finally {
      bar.stop()
    }
  }
}

async function writeFile(
  source: BackupSource,
  path: string,
  onProgress: (doneBytes: number, totalBytes: number) => void,
): Promise<Saved> {
  const hash = createHash('sha256')
  const file = await open(path, 'w', 0o640)
  try {
    let taken: SnapshotInfo | undefined
    let bytes = 0
    for await (const chunk of backUp(source, { onTaken: (snapshot) => (taken = snapshot) })) {
      hash.update(chunk)
      await file.writeFile(chunk)
      bytes += chunk.length
      onProgress(bytes, Math.max(bytes, taken?.size ?? 0))
    }
    await file.sync()
    const { index, term, size } = taken as SnapshotInfo
    return { index, term, size, sha256: hash.digest('hex') }
  } finally {
    await file.close()
  }
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  )
}
