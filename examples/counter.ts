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
const counters = Object.keys(peers).map(() => new Counter())
const nodes: RaftNode<{ add: number }, number>[] = await Promise.all(
  Object.entries(peers).map(([id, listen], at) =>
    startNode({ id, listen, peers, dataDir: join(directory, id), stateMachine: counters[at] as Counter }),
  ),
)

await Promise.all(nodes.map((node) => node.until((status) => status.leader !== undefined)))
const leader = nodes.find((node) => node.statusNow().role === 'leader') as RaftNode<{ add: number }, number>
for (const add of [1, 1, 1]) await leader.propose({ add })
for (const [at, node] of nodes.entries()) console.log(node.id, await node.read(() => counters[at]?.value))
await Promise.all(nodes.map((node) => node.close()))
