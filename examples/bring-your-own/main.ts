/** Three nodes with the storage and the transport of this example. They are closed and started again, and nothing is lost. */
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { connect, type StateMachine, startNode } from 'quorate'
import { FileStorage } from './file-storage.ts'
import { SocketTransport } from './socket-transport.ts'

class Sum implements StateMachine<number, number> {
  #sum = 0
  apply(number: number): number {
    this.#sum += number
    return this.#sum
  }
  snapshot(): Uint8Array[] {
    return [Buffer.from(String(this.#sum))]
  }
  async restore(chunks: AsyncIterable<Uint8Array>): Promise<void> {
    let text = ''
    for await (const chunk of chunks) text += Buffer.from(chunk)
    this.#sum = Number(text)
  }
}

const { values } = parseArgs({ options: { port: { type: 'string', default: '7481' } } })
const directory = await mkdtemp(join(tmpdir(), 'bring-your-own-'))
const ids = ['n1', 'n2', 'n3']
const peers = Object.fromEntries(ids.map((id, at) => [id, addressAt(at)]))
/** Where clients reach each node. */
const endpoints = ids.map((_, at) => addressAt(ids.length + at))

await withCluster(async (propose) => console.log('the sum is', await propose(40)))
await withCluster(async (propose) => console.log('after a restart the sum is', await propose(2)))
console.log('n1 has the files', (await readdir(join(directory, 'n1'))).join(', '))
await rm(directory, { recursive: true })

async function withCluster(use: (propose: (number: number) => Promise<number>) => Promise<void>): Promise<void> {
  const nodes = await Promise.all(
    ids.map((id, at) =>
      startNode({
        ...{ id, peers, stateMachine: new Sum() },
        listen: endpoints[at] ?? '',
        transport: new SocketTransport({ listen: peers[id] ?? '' }),
        storage: new FileStorage(join(directory, id)),
      }),
    ),
  )
  const client = await connect<number, number>({ endpoints })
  await use((number) => client.propose(number))
  await client.close()
  await Promise.all(nodes.map((node) => node.close()))
}

function addressAt(offset: number): string {
  return `127.0.0.1:${Number(values.port) + offset}`
}
