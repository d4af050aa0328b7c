/** The job queue example: a worker killed in the middle of a job, and a killed leader. */
import assert from 'node:assert/strict'
import { describeLong } from '../long.ts'
import { assertPrinted, outputOf } from './programs.ts'

describeLong('the job queue example', function () {
  this.timeout(120_000)

  it('does every job, and that of the killed worker again', async () => {
    const output = await outputOf('job-queue', 30_620)
    assert.match(output, /^100 jobs pushed, the last of them once more: it is in the queue already\n/)
    const interrupted = /\na worker was killed during job (\d+)\nthe leader was killed\n/.exec(output)?.[1]
    assert.match(output, new RegExp(`\\n100 jobs were done; begun more than once: .*\\b${interrupted}\\b`))
    assertPrinted('job-queue', output)
  })
})
