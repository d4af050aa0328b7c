/** A measured client of a cluster: the load goes through one `connect` of the built package. */
import { bytesCodec, connect, type RaftClient } from 'quorate'
import { serveParent } from './parent.ts'

const endpoints = JSON.parse(process.argv[2] as string) as readonly string[]
const codecs = { codec: bytesCodec, resultCodec: bytesCodec, queryCodec: bytesCodec, answerCodec: bytesCodec }
const client: RaftClient<Uint8Array, Uint8Array, Uint8Array, Uint8Array> = await connect({ endpoints, ...codecs })

serveParent(
  {},
  { write: (command) => client.propose(command), read: (key) => client.query(key) },
  { write: async () => void (await client.propose(new Uint8Array(16), { timeoutMs: 20_000 })) },
)
