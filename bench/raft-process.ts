/** A measured node: the built package with a state machine that only counts. */
import { bytesCodec, type RaftNode, startNode } from 'quorate'
import { serveParent } from './load.ts'

const [id, listen, peersJson, dataDir, optionsJson, mode] = process.argv.slice(2) as [
  string,
  string,
  string,
  string,
  string,
  'member' | 'join',
]

/** Counts commands. An 8-byte command sets the number of chunks of its snapshot. */
class Ballast {
  count = 0
  chunks = 0

  apply(command: Uint8Array): Uint8Array {
    this.count++
    if (command.length === 8) this.chunks = new DataView(command.buffer, command.byteOffset).getFloat64(0)
    return NOTHING
  }

  *snapshot(): Iterable<Uint8Array> {
    const head = new Float64Array([this.count, this.chunks])
    const { chunks } = this
    yield new Uint8Array(head.buffer)
    const chunk = new Uint8Array(CHUNK_BYTES).fill(7)
    for (let n = 0; n < chunks; n++) yield chunk
  }

  async restore(source: AsyncIterable<Uint8Array>): Promise<void> {
    let bytes = 0
    for await (const chunk of source) {
      if (bytes === 0)
        [this.count, this.chunks] = new Float64Array(chunk.slice(0, 16).buffer) as unknown as [number, number]
      bytes += chunk.length
    }
  }
}

const NOTHING = new Uint8Array(0)
const CHUNK_BYTES = 64 * 1024

const machine = new Ballast()
const node: RaftNode<Uint8Array, Uint8Array> = await startNode({
  id,
  listen,
  peers: JSON.parse(peersJson),
  dataDir,
  cluster: 'bench',
  join: mode === 'join',
  stateMachine: machine,
  codec: bytesCodec,
  ...JSON.parse(optionsJson),
})

serveParent({ id, address: listen }, node, {
  status: async () => await node.status(),
  /** Sets the size of the snapshot in bytes and takes one. */
  ballast: async (bytes) => {
    const command = new Uint8Array(8)
    new DataView(command.buffer).setFloat64(0, Math.ceil((bytes as number) / CHUNK_BYTES))
    await node.propose(command)
    return await node.takeSnapshot({ timeoutMs: 60_000 })
  },
  add: async (member) =>
    await node.changeMembership({ add: [{ ...(member as { id: string; address: string }), promote: true }] }),
})
