/** Tests of the real clock, in a process of its own: it measures one event loop. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

/** Blocks the event loop for 300 ms, with a timer that asks first when it continues, after the measurement's first window. */
const PROGRAM = `
  import { realClock } from './src/runtime/real-clock.ts'
  const clock = realClock()
  const block = (ms) => { const until = performance.now() + ms; while (performance.now() < until); }
  clock.loopDelayMs()
  const originalNow = performance.now.bind(performance)
  let aheadMs = 0
  performance.now = () => originalNow() + aheadMs
  setTimeout(() => {
    aheadMs = 20_000
    setTimeout(() => clock.loopDelayMs(), 1)
    block(300)
  }, 100)
  setTimeout(() => process.stdout.write(String(clock.loopDelayMs())), 600)
`

describe('the delay of the event loop', () => {
  it('includes a pause after which a timer asks for it before the measurement has recorded it', async () => {
    const args = ['--import', 'tsx', '--input-type=module', '--eval', PROGRAM]
    const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: 20_000 })
    assert.ok(Number(stdout) >= 200, `${stdout} ms`)
  })
})
