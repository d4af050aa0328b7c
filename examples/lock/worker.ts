/** One worker, as a process: `worker.ts ENDPOINT…`. While it holds the lock, it asks its parent process, which is the protected resource, to write. */
import { setTimeout as sleep } from 'node:timers/promises'
import { connect } from 'quorate/client'
import { lockClient, lockCodecs } from 'quorate/recipes'

const client = await connect({ endpoints: process.argv.slice(2), ...lockCodecs })
const locks = lockClient(client)
for (;;) {
  const held = await locks.acquire('ledger', { ttlMs: 2000 })
  // A pause of the process between the check and the write cannot be noticed here. The resource compares the tokens.
  while (!held.signal.aborted) {
    process.send?.({ token: held.token })
    await sleep(20)
  }
  // Lost: stand in line again. There is nothing to release.
  process.send?.({ lost: held.token })
}
