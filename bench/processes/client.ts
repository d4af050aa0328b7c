/** A measured client of a cluster: the load goes through one `connect` of the built package. */
import { bytesCodec, connect, isRaftError, type RaftClient } from 'quorate'
import { serveParent } from './parent.ts'

const WRITE_TIMEOUT_MS = 20_000
const endpoints = JSON.parse(process.argv[2] as string) as readonly string[]
const codecs = { codec: bytesCodec, resultCodec: bytesCodec, queryCodec: bytesCodec, answerCodec: bytesCodec }
const client: RaftClient<Uint8Array, Uint8Array, Uint8Array, Uint8Array> = await connect({ endpoints, ...codecs })

serveParent({}, { write: (command) => client.propose(command), read: (key) => client.query(key) }, { write })

/** Repeats a write until it is acknowledged. The client does not repeat one that may have been applied; here that does no harm. */
async function write(): Promise<void> {
  const deadline = performance.now() + WRITE_TIMEOUT_MS
  for (;;) {
    try {
      await client.propose(new Uint8Array(16), { timeoutMs: deadline - performance.now() })
      return
    } catch (error) {
      if (!isRaftError(error) || error.outcome !== 'unknown' || performance.now() >= deadline) throw error
    }
  }
}
