/** `quorate version`: the release and what it supports; with `--cluster`, those of every node and a warning about a mix. */
import { PROTOCOL_MAX, PROTOCOL_MIN } from '../../contracts/transport.ts'
import { STORAGE_FORMAT } from '../../data-directory/data-directory.ts'
import { VERSION } from '../../runtime/version.ts'
import type { ClientSettings } from '../client-settings.ts'
import { EXIT } from '../exit-codes.ts'
import { buildVersionReport, formatVersions } from '../status/version-report.ts'
import type { Terminal } from '../terminal.ts'
import { readStatus } from './status.ts'

export function ownVersion({ format }: ClientSettings, terminal: Terminal): number {
  const own = { release: VERSION, protocolMin: PROTOCOL_MIN, protocolMax: PROTOCOL_MAX, storageFormat: STORAGE_FORMAT }
  const text = `quorate ${VERSION}  protocol between nodes ${PROTOCOL_MIN} to ${PROTOCOL_MAX}  storage format ${STORAGE_FORMAT}`
  terminal.out(format === 'json' ? `${JSON.stringify({ schema: 'quorate.release/v1', ...own })}\n` : `${text}\n`)
  return EXIT.ok
}

export async function clusterVersions(settings: ClientSettings, terminal: Terminal): Promise<number> {
  const report = buildVersionReport(await readStatus(settings))
  terminal.out(settings.format === 'json' ? `${JSON.stringify(report)}\n` : formatVersions(report))
  return EXIT.ok
}
