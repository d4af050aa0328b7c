/** `quorate snapshot inspect` and `restore`: what a backup contains, and a new cluster from it. */
import { join } from 'node:path'
import { readBackup, readBackupChunks } from '../../data-directory/backup-file.ts'
import type { EngineName } from '../../data-directory/data-directory.ts'
import { restoreBackup } from '../../operations/restore-backup.ts'
import { progressBar } from '../progress-bar.ts'
import type { Terminal } from '../terminal.ts'

interface OutputFlags {
  readonly output: 'text' | 'json'
}

export interface RestoreFlags extends OutputFlags {
  readonly peers: Readonly<Record<string, string>>
  readonly id?: string
  readonly dataDir: string
  readonly cluster?: string
  readonly storage?: EngineName
}

/** Reads the whole file, so that a damage is found. */
export async function inspectBackup(path: string, { output }: OutputFlags, terminal: Terminal): Promise<void> {
  const { clusterId, info } = await readBackup(path)
  const bar = progressBar(output, 'verified')
  let done = 0
  try {
    for await (const chunk of readBackupChunks(path)) {
      done += chunk.length
      bar.update(done, info.size)
    }
  } finally {
    bar.stop()
  }
  const { index, term, size, checksum, membership } = info
  if (output === 'json') {
    terminal.out(
      `${JSON.stringify({ schema: 'quorate.backup/v1', path, clusterId, index, term, size, checksum, membership })}\n`,
    )
    return
  }
  const members = membership.members.map(({ id, address }) => `${id}=${address}`)
  terminal.out(`${path}
  cluster    ${clusterId}
  state      after index ${index} (term ${term}), ${size} bytes
  members    ${members.join(',')}
every byte was read: no damage
`)
}

/** Without --id, creates a directory for every member; with it, that of one member at --data-dir. */
export async function restore(path: string, flags: RestoreFlags, terminal: Terminal): Promise<void> {
  const { peers, id, dataDir, cluster, storage, output } = flags
  const directories =
    id === undefined ? Object.keys(peers).map((each) => [each, join(dataDir, each)] as const) : [[id, dataDir] as const]
  const bar = progressBar(output, 'restored')
  const restored: {
    readonly id: string
    readonly directory: string
    readonly cluster: string
    readonly index: number
  }[] = []
  try {
    for (const [each, directory] of directories) {
      const optional = { ...(cluster === undefined ? {} : { cluster }), ...(storage === undefined ? {} : { storage }) }
      const result = await restoreBackup({ backup: path, directory, id: each, peers, ...optional })
      restored.push({ id: each, directory, cluster: result.cluster, index: result.index })
      bar.update(restored.length, directories.length)
    }
  } finally {
    bar.stop()
  }
  if (output === 'json') {
    terminal.out(`${JSON.stringify({ schema: 'quorate.restoration/v1', path, nodes: restored })}\n`)
    return
  }
  const list = Object.entries(peers).map(([each, address]) => `${each}=${address}`)
  const lines = restored.map(
    ({ id: each, directory }) =>
      `  quorate serve --id ${each} --listen ${peers[each]} --peers ${list.join(',')} --data-dir ${directory}`,
  )
  const [first] = restored
  terminal.out(`a new cluster, ${first?.cluster}, continues after index ${first?.index}; start ${restored.length === 1 ? 'this node' : 'its nodes'} with:
${lines.join('\n')}
`)
}
