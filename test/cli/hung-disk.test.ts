/** A process whose disk hangs ends within the promised time, and at once at a second signal. */
import assert from 'node:assert/strict'
import type { ChildProcess } from 'node:child_process'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { rmSync } from 'node:fs'
import { join } from 'node:path'

const PROGRAM = join(import.meta.dirname, 'hung-disk-process.ts')

describe('a process whose disk hangs', function () {
  this.timeout(60_000)
  let child: ChildProcess
  let directory = ''
  let errors = ''

  before(function () {
    if (process.platform === 'win32') this.skip()
  })

  afterEach(async () => {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGKILL')
      await once(child, 'exit')
    }
    rmSync(directory, { recursive: true, force: true })
  })

  async function start(mode: string, timeoutMs: number): Promise<void> {
    errors = ''
    child = spawn(process.execPath, ['--import', 'tsx', PROGRAM, mode, String(timeoutMs)], {
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    child.stderr?.on('data', (chunk) => {
      errors += String(chunk)
    })
    const [line] = (await once(child.stdout as NodeJS.ReadableStream, 'data')) as [Buffer]
    directory = line.toString().trim()
  }

  async function end(): Promise<NodeJS.Signals | null> {
    const [, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null]
    return signal
  }

  it('ends by SIGTERM when the graceful close takes too long, and says why', async () => {
    await start('close', 300)
    child.kill('SIGTERM')
    assert.equal(await end(), 'SIGTERM')
    assert.match(errors, /did not close within 300 ms: the disk may hang/)
  })

  it('ends by SIGKILL if it stopped because of a failure', async () => {
    await start('failure', 300)
    child.kill('SIGTERM')
    assert.equal(await end(), 'SIGKILL')
  })

  it('ends at once at a second signal', async () => {
    await start('close', 600_000)
    child.kill('SIGTERM')
    const ended = end()
    const again = setInterval(() => child.kill('SIGTERM'), 100)
    assert.equal(await ended, 'SIGTERM')
    clearInterval(again)
    assert.match(errors, /second SIGTERM/)
  })

  it('would not end by process.exit, which waits for the threads', async () => {
    await start('exit', 0)
    child.kill('SIGTERM')
    const outcome = await Promise.race([end(), new Promise((resolve) => setTimeout(resolve, 1000, 'still there'))])
    assert.equal(outcome, 'still there')
  })
})
