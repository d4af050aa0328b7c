/** A process whose file operations all hang: each thread of libuv waits to open a FIFO that has no writer. A signal ends it. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { closeInTime } from '../../src/cli/serve/close-in-time.ts'
import { stopRequest } from '../../src/cli/stop-signals.ts'

const [mode, timeoutMs] = [process.argv[2], Number(process.argv[3])]
const directory = mkdtempSync(join(tmpdir(), 'quorate-hung-disk-'))
const hanging = Array.from({ length: 8 }, (_, at) => {
  const fifo = join(directory, `fifo-${at}`)
  execFileSync('mkfifo', [fifo])
  return open(fifo, 'r').then(() => undefined)
})
const stopping = stopRequest([])
process.stdout.write(`${directory}\n`)
await stopping
if (mode === 'exit') process.exit(0)
await closeInTime(
  async () => {
    await Promise.all(hanging)
  },
  mode === 'failure' ? new Error('the disk failed') : undefined,
  timeoutMs,
)
