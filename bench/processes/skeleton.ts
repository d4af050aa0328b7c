/** A process of the skeleton: the I/O of a node without Raft. It sends, stores and acknowledges blocks, and checks nothing. */
import { serveParent } from './parent.ts'
import { type DiskName, SkeletonDisk } from './skeleton-disk.ts'
import { type LinkName, SKELETON_LINKS } from './skeleton-link.ts'

/** What the process that starts this one passes as its argument. */
export interface SkeletonArguments {
  readonly disk: DiskName
  readonly link: LinkName
  readonly directory: string
  /** The addresses of the followers; undefined for a follower. */
  readonly followers: readonly string[] | undefined
}

interface Waiting {
  readonly command: Uint8Array
  readonly resolve: () => void
}

/** The commands of one block at most, and their bytes. */
const BLOCK_COMMANDS_MAX = 1024
const BLOCK_BYTES_MAX = 1024 * 1024

const { disk, link, directory, followers } = JSON.parse(process.argv[2] as string) as SkeletonArguments
const storage = await SkeletonDisk.open(disk, directory)
const network = SKELETON_LINKS[link]

async function follow(): Promise<void> {
  const port = await network.listen((block, answer) => {
    const last = block.readDoubleLE(0)
    storage.append(last, block, () => answer(last))
  })
  serveParent({ address: `127.0.0.1:${port}` }, undefined)
}

function lead(addresses: readonly string[]): void {
  const matched = new Array<number>(addresses.length + 1).fill(0)
  const quorum = (matched.length >> 1) + 1
  const open: (() => void)[] = []
  let committed = 0
  let lastIndex = 0
  let waiting: Waiting[] = []

  const acknowledge = (member: number, index: number): void => {
    matched[member] = Math.max(matched[member] as number, index)
    const agreed = [...matched].sort((one, other) => other - one)[quorum - 1] as number
    for (const resolve of open.splice(0, agreed - committed)) resolve()
    committed = Math.max(committed, agreed)
  }
  const send = addresses.map((address, at) => network.connect(address, (last) => acknowledge(at + 1, last)))
  const flush = (): void => {
    const all = waiting
    waiting = []
    for (let from = 0; from < all.length; ) {
      const to = endOfBlock(all, from)
      const batch = all.slice(from, to)
      from = to
      lastIndex += batch.length
      const last = lastIndex
      for (const { resolve } of batch) open.push(resolve)
      const block = blockOf(last, batch)
      for (const each of send) each(block)
      storage.append(last, block, () => acknowledge(0, last))
    }
  }
  const write = (command: Uint8Array): Promise<void> =>
    new Promise((resolve) => {
      if (waiting.push({ command, resolve }) === 1) setImmediate(flush)
    })
  serveParent({}, { write })
}

function endOfBlock(all: readonly Waiting[], from: number): number {
  let to = from
  for (let bytes = 0; to < all.length && to - from < BLOCK_COMMANDS_MAX && bytes < BLOCK_BYTES_MAX; to++)
    bytes += (all[to] as Waiting).command.length
  return to
}

/** The number of the last command, then every command with its length before it. */
function blockOf(last: number, batch: readonly Waiting[]): Buffer {
  const block = Buffer.allocUnsafe(batch.reduce((sum, { command }) => sum + 4 + command.length, 8))
  let at = block.writeDoubleLE(last)
  for (const { command } of batch) {
    at = block.writeUInt32LE(command.length, at)
    block.set(command, at)
    at += command.length
  }
  return block
}

await (followers === undefined ? follow() : lead(followers))
