/** A replicated counter on three nodes, which all return the same value. Run it with `npx tsx examples/counter.ts`. */
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type RaftNode, startNode } from 'quorate'

class Counter {
  value = 0
  apply(command: { add: number }): number {
    this.value += command.add
    return this.value
  }
  query(_: 'value'): number {
    return this.value
  }
  snapshot(): Uint8Array[] {
    return [new TextEncoder().encode(String(this.value))]
  }
  async restore(chunks: AsyncIterable<Uint8Array>): Promise<void> {
    let text = ''
    for await (const chunk of chunks) text += new TextDecoder().decode(chunk)
    this.value = Number(text)
  }
}

const peers = { n1: '127.0.0.1:7101', n2: '127.0.0.1:7102', n3: '127.0.0.1:7103' }
const directory = await mkdtemp(join(tmpdir(), 'counter-'))
type CounterNode = RaftNode<{ add: number }, number, 'value', number>
const nodes: CounterNode[] = await Promise.all(
  Object.entries(peers).map(([id, listen]) =>
    startNode({ id, listen, peers, dataDir: join(directory, id), stateMachine: new Counter() }),
  ),
)

await Promise.all(nodes.map((node) => node.until((status) => status.leader !== undefined)))
const leader = nodes.find((node) => node.statusNow().role === 'leader') as CounterNode
for (const add of [1, 1, 1]) await leader.propose({ add })
for (const node of nodes) console.log(node.id, await node.query('value'))
await Promise.all(nodes.map((node) => node.close()))
