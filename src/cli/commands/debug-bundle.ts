/** `quorate debug bundle`: one compressed file with what is needed to understand a cluster from afar. It contains no command and no state. */
import { open, writeFile } from 'node:fs/promises'
import { cpus, totalmem } from 'node:os'
import { resolve } from 'node:path'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import { storageError } from '../../data-directory/storage-errors.ts'
import { inspectDataDirectory } from '../../operations/inspect-data-directory.ts'
import { errorMessage } from '../../platform/error-message.ts'
import { VERSION } from '../../runtime/version.ts'
import type { ClientSettings } from '../client-settings.ts'
import { CommandFailure } from '../command-failure.ts'
import type { Bundle } from '../debug/bundle.ts'
import { bundleText } from '../debug/bundle.ts'
import { EXIT } from '../exit-codes.ts'
import { withClient } from '../kv-client.ts'
import { statusAnswers } from '../status/collect-status.ts'
import { diagnose } from '../status/diagnosis.ts'
import { buildStatusReport } from '../status/status-report.ts'
import type { Terminal } from '../terminal.ts'

export interface BundleFlags {
  readonly dataDir?: readonly string[]
  readonly log?: readonly string[]
  readonly redact: boolean
}

/** Of each log, its end. */
const LOG_BYTES_MAX = 1024 * 1024

/** Nodes, directories and logs that cannot be read are part of what the bundle says. Returns the exit code. */
export async function debugBundle(
  { settings, terminal }: { readonly settings: ClientSettings; readonly terminal: Terminal },
  file: string,
  { dataDir = [], log = [], redact }: BundleFlags,
): Promise<number> {
  const path = resolve(file)
  const timeoutMs = Math.min(2000, settings.timeoutMs / 2)
  const answers = await withClient(settings, ({ raftClient }) => statusAnswers(raftClient, timeoutMs))
  const status = answers.some((answer) => 'status' in answer) ? buildStatusReport(answers) : undefined
  const bundle: Bundle = {
    schema: 'quorate.debug/v1',
    time: new Date().toISOString(),
    isRedacted: redact,
    made: madeBy(),
    answers,
    status,
    diagnosis: status === undefined ? undefined : diagnose(status),
    directories: await Promise.all(dataDir.map(inspected)),
    logs: await Promise.all(log.map(endOf)),
  }
  const bytes = await promisify(gzip)(bundleText(bundle))
  try {
    await writeFile(path, bytes, { flag: 'wx', mode: 0o600 })
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'EEXIST')
      throw new CommandFailure(`${path} exists`, { exitCode: EXIT.usage, hint: 'choose another file' })
    throw storageError(cause, `write the bundle ${path}`)
  }
  const answering = answers.filter((answer) => 'status' in answer).length
  const facts = { schema: 'quorate.bundle/v1', path, bytes: bytes.length, nodes: answering, isRedacted: redact }
  terminal.out(
    settings.format === 'json'
      ? `${JSON.stringify(facts)}\n`
      : `${path}: ${bytes.length} bytes, ${answering} of ${answers.length} nodes answered; read it with: gunzip -c ${path}\n`,
  )
  return EXIT.ok
}

function madeBy(): Bundle['made'] {
  const { version, platform, arch } = process
  return { release: VERSION, node: version, platform, arch, cpus: cpus().length, memory: totalmem() }
}

async function inspected(path: string): Promise<Bundle['directories'][number]> {
  try {
    return await inspectDataDirectory({ directory: path })
  } catch (error) {
    return { path: resolve(path), error: errorMessage(error) }
  }
}

async function endOf(path: string): Promise<Bundle['logs'][number]> {
  const file = await open(path, 'r').catch((cause) => {
    throw storageError(cause, `read the log ${path}`)
  })
  try {
    const { size } = await file.stat()
    const length = Math.min(size, LOG_BYTES_MAX)
    const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, size - length)
    return { path, end: buffer.subarray(0, bytesRead).toString(), isWhole: length === size }
  } finally {
    await file.close()
  }
}
