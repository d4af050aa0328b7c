/** Opens files. A shortage of descriptors is often over soon, so an open waits for it to end, up to a limit. */
import type { FileHandle } from 'node:fs/promises'
import fs from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'

/** Nothing was written yet, so the wait is safe; a node that is short for longer ends with ERR_RAFT_NO_DESCRIPTORS. */
const WAIT_MAX_MS = 5000
const PAUSE_MIN_MS = 5
const PAUSE_MAX_MS = 500

export async function openFile(path: string, flags: string | number, mode?: number): Promise<FileHandle> {
  for (let pauseMs = PAUSE_MIN_MS, waitedMs = 0; ; pauseMs = Math.min(2 * pauseMs, PAUSE_MAX_MS)) {
    try {
      return await fs.open(path, flags, mode)
    } catch (cause) {
      if (!isShortage(cause) || waitedMs >= WAIT_MAX_MS) throw cause
    }
    await sleep(pauseMs)
    waitedMs += pauseMs
  }
}

function isShortage(cause: unknown): boolean {
  const { code } = cause as { readonly code?: unknown }
  return code === 'EMFILE' || code === 'ENFILE'
}
