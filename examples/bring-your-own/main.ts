/** Three nodes that keep their data with the storage of this example. They are closed and started again, and nothing is lost. */
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { connect, type StateMachine, startNode } from 'quorate'
import { FileStorage } from './file-storage.ts'

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
const peers = Object.fromEntries(['n1', 'n2', 'n3'].map((id, at) => [id, `127.0.0.1:${Number(values.port) + at}`]))

await withCluster(async (propose) => console.log('the sum is', await propose(40)))
await withCluster(async (propose) => console.log('after a restart the sum is', await propose(2)))
console.log('n1 has the files', (await readdir(join(directory, 'n1'))).join(', '))
await rm(directory, { recursive: true })

async function withCluster(use: (propose: (number: number) => Promise<number>) => Promise<void>): Promise<void> {
  const nodes = await Promise.all(
    Object.entries(peers).map(([id, listen]) =>
      startNode({ id, listen, peers, storage: new FileStorage(join(directory, id)), stateMachine: new Sum() }),
    ),
  )
  const client = await connect<number, number>({ endpoints: Object.values(peers) })
  await use((number) => client.propose(number))
  await client.close()
  await Promise.all(nodes.map((node) => node.close()))
}
