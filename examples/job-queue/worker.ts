/**
 * One worker, as a process: `worker.ts ENDPOINT…`. It tells its parent process when it begins a job, and when the job is done. After a message of its
 * parent it dies in the middle of its next job.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { isRaftError } from 'quorate'
import { connect } from 'quorate/client'
import { queueClient, queueCodecs } from 'quorate/recipes'

const WORK_MS = 20
const LEASE_MS = 5000

const client = await connect({ endpoints: process.argv.slice(2), ...queueCodecs })
const queue = queueClient<{ order: number }>(client, { pollMs: 100 })
let dies = false
process.once('message', () => {
  dies = true
})
for (;;) {
  const job = await queue.take({ leaseMs: LEASE_MS })
  const isLast = dies
  process.send?.({ began: job.payload.order }, () => {
    if (isLast) process.kill(process.pid, 'SIGKILL')
  })
  if (isLast) break
  await sleep(WORK_MS)
  try {
    await job.ack()
    process.send?.({ done: job.payload.order })
  } catch (error) {
    // Another worker has the job by now: it does it again.
    if (!isRaftError(error, 'ERR_RAFT_LEASE_LOST')) throw error
  }
}
