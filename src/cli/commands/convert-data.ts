/** `quorate data convert`: moves the log of a stopped node to the other storage engine. */

import type { Conversion } from '../../data-directory/convert.ts'
import type { EngineName } from '../../data-directory/data-directory.ts'
import { ENGINE_TITLES } from '../../data-directory/data-directory.ts'
import { convertDataDirectory } from '../../operations/convert-data-directory.ts'
import { progressBar } from '../progress-bar.ts'
import type { Terminal } from '../terminal.ts'

export interface ConvertFlags {
  readonly to: EngineName
  readonly keep?: boolean
  readonly output: 'text' | 'json'
}

export async function convertData(
  path: string,
  { to, keep = false, output }: ConvertFlags,
  terminal: Terminal,
): Promise<void> {
  const startedAt = performance.now()
  const bar = progressBar(output, 'copied and compared')
  try {
    const conversion = await convertDataDirectory({
      directory: path,
      to,
      keepsOld: keep,
      onProgress: bar.update,
    })
    bar.stop()
    const ms = Math.round(performance.now() - startedAt)
    if (output === 'json')
      terminal.out(`${JSON.stringify({ schema: 'quorate.convert/v1', path, ms, ...conversion })}\n`)
    else terminal.out(summaryOf(path, conversion, ms))
  } finally {
    bar.stop()
  }
}

function summaryOf(path: string, conversion: Conversion, ms: number): string {
  const { nodeId, from, to, isChanged, entries, blocks, bytes, snapshots, kept, hasRemoved } = conversion
  const lines = isChanged
    ? [
        `${path}: the log of ${nodeId} is now in ${ENGINE_TITLES[to]} (it was in ${ENGINE_TITLES[from]})`,
        `${counted(entries, 'entry', 'entries')} in ${counted(blocks, 'block', 'blocks')} of ${bytes} bytes copied and compared, ${counted(snapshots, 'snapshot', 'snapshots')} verified, in ${ms} ms`,
      ]
    : [`${path}: the log of ${nodeId} is in ${ENGINE_TITLES[to]} already`]
  if (kept !== undefined) lines.push(`the old files are in ${kept}: never put them back once the node has started`)
  if (hasRemoved) lines.push(`the old files (${ENGINE_TITLES[from]}) are removed`)
  return `${lines.join('\n')}\n`
}

function counted(count: number, one: string, many: string): string {
  return `${count} ${count === 1 ? one : many}`
}
