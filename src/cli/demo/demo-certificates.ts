/** The certificates of a demo with TLS, in its directory: made at its first run, and used again. */
import { existsSync } from 'node:fs'
import type { NodeId } from '../../core/types.ts'
import type { ClientTlsFiles } from '../../peer-link/client-certificate-files.ts'
import { AUTHORITY_NAME, filesOf } from '../cert/cert-files.ts'
import { DEMO_CLUSTER, type DemoPlan } from './demo-plan.ts'

const ADMIN = 'admin'
/** Their authority can sign later ones: a demo is run again for years at most. */
const DAYS = 3650

export async function makeDemoCertificates({ certificates: dir, nodes }: DemoPlan): Promise<void> {
  if (dir === undefined) return
  const { certClient, certInit, certNode } = await import('../cert/cert.ts')
  const flags = { dir, days: DAYS, output: 'json' } as const
  const missing = (name: string): boolean => !existsSync(filesOf(dir, name).cert)
  if (missing(AUTHORITY_NAME)) await certInit({ ...flags, cluster: DEMO_CLUSTER }, SILENT)
  const ids = nodes.map(({ id }) => id).filter(missing)
  if (ids.length > 0) await certNode(ids, flags, SILENT)
  if (missing(ADMIN)) await certClient(ADMIN, { ...flags, role: 'admin' }, SILENT)
}

const SILENT = { out: () => undefined, err: () => undefined }

/** The flags of `quorate serve`. */
export function nodeTlsFlags({ certificates: dir }: DemoPlan, id: NodeId): string[] {
  if (dir === undefined) return []
  const { cert, key } = filesOf(dir, id)
  return ['--tls-ca', filesOf(dir, AUTHORITY_NAME).cert, '--tls-cert', cert, '--tls-key', key]
}

/** What the demo itself connects with. */
export function adminTls({ certificates: dir }: DemoPlan): ClientTlsFiles | undefined {
  if (dir === undefined) return undefined
  const { cert, key } = filesOf(dir, ADMIN)
  return { caFile: filesOf(dir, AUTHORITY_NAME).cert, certFile: cert, keyFile: key }
}

/** What another terminal needs to connect. */
export function tlsExports({ certificates: dir }: DemoPlan): string {
  if (dir === undefined) return ''
  const { cert, key } = filesOf(dir, ADMIN)
  const ca = filesOf(dir, AUTHORITY_NAME).cert
  return `  export QUORATE_TLS_CA=${ca} QUORATE_TLS_CERT=${cert} QUORATE_TLS_KEY=${key}\n`
}
