/** A process of the baseline: the I/O of a node (a gRPC stream of blocks, one synced RocksDB put per block) without Raft. */
import { createRequire } from 'node:module'
import * as grpc from '@grpc/grpc-js'
import { type LoadTarget, serveParent } from './load.ts'

interface RocksDB {
  open(options: object, callback: (error?: Error) => void): void
  close(callback: (error?: Error) => void): void
  batch(): { put(key: Buffer, value: Buffer): unknown; write(options: object, callback: (error?: Error) => void): void }
}

const require = createRequire(import.meta.url)
const [role, directory, ...addresses] = process.argv.slice(2) as [string, string, ...string[]]

const identity = (bytes: Buffer): Buffer => bytes
const DEFINITION = {
  Blocks: {
    path: '/baseline/Blocks',
    requestStream: true,
    responseStream: true,
    requestSerialize: identity,
    requestDeserialize: identity,
    responseSerialize: identity,
    responseDeserialize: identity,
  },
} as const

/** Writes one batch at a time; blocks that arrive during a write go into the next batch. */
class Disk {
  readonly #db: RocksDB
  #waiting: { key: number; block: Buffer; done: () => void }[] = []
  #isWriting = false

  constructor(db: RocksDB) {
    this.#db = db
  }

  append(key: number, block: Buffer, done: () => void): void {
    this.#waiting.push({ key, block, done })
    if (!this.#isWriting) this.#write()
  }

  #write(): void {
    const blocks = this.#waiting
    this.#waiting = []
    this.#isWriting = true
    const batch = this.#db.batch()
    for (const { key, block } of blocks) {
      const name = Buffer.allocUnsafe(8)
      name.writeBigUInt64BE(BigInt(key))
      batch.put(name, block)
    }
    batch.write({ sync: true }, (error) => {
      if (error) throw error
      this.#isWriting = false
      for (const { done } of blocks) done()
      if (this.#waiting.length > 0 && !this.#isWriting) this.#write()
    })
  }
}

async function openDisk(): Promise<Disk> {
  const db = require('rocksdb')(directory) as RocksDB
  const options = { createIfMissing: true, compression: false, writeBufferSize: 32 * 1024 * 1024 }
  await new Promise<void>((resolve, reject) => db.open(options, (error) => (error ? reject(error) : resolve())))
  return new Disk(db)
}

async function follow(): Promise<void> {
  const disk = await openDisk()
  const server = new grpc.Server({ 'grpc.max_receive_message_length': 16 * 1024 * 1024 })
  server.addService(DEFINITION as unknown as grpc.ServiceDefinition, {
    Blocks: (call: grpc.ServerDuplexStream<Buffer, Buffer>) => {
      call.on('data', (block: Buffer) => {
        const last = block.readDoubleLE(0)
        disk.append(last, block, () => {
          const answer = Buffer.allocUnsafe(8)
          answer.writeDoubleLE(last)
          call.write(answer)
        })
      })
      call.on('error', () => undefined)
    },
  })
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    ),
  )
  serveParent({ address: `127.0.0.1:${port}` })
}

async function lead(): Promise<void> {
  const disk = await openDisk()
  const matched = [0, 0, 0]
  let committed = 0
  let lastIndex = 0
  const turn: { command: Uint8Array; resolve: () => void }[] = []
  const open: (() => void)[] = []

  const acknowledge = (voter: number, index: number): void => {
    if (index > (matched[voter] as number)) matched[voter] = index
    const majority = [...matched].sort((one, other) => other - one)[1] as number
    const resolvers = open.splice(0, majority - committed)
    committed = Math.max(committed, majority)
    for (const resolve of resolvers) resolve()
  }
  const streams = addresses.map((address, offset) => {
    const client = new grpc.Client(address, grpc.credentials.createInsecure(), {
      'grpc.max_receive_message_length': 16 * 1024 * 1024,
      'grpc.use_local_subchannel_pool': 1,
    })
    const stream = client.makeBidiStreamRequest('/baseline/Blocks', identity, identity)
    stream.on('data', (answer: Buffer) => acknowledge(offset + 1, answer.readDoubleLE(0)))
    return stream
  })
  const flush = (): void => {
    while (turn.length > 0) {
      const batch = turn.splice(0, 1024)
      let size = 8
      for (const { command } of batch) size += 4 + command.length
      const block = Buffer.allocUnsafe(size)
      lastIndex += batch.length
      block.writeDoubleLE(lastIndex)
      let at = 8
      for (const { command, resolve } of batch) {
        at = block.writeUInt32LE(command.length, at)
        block.set(command, at)
        at += command.length
        open.push(resolve)
      }
      const last = lastIndex
      for (const stream of streams) stream.write(block)
      disk.append(last, block, () => acknowledge(0, last))
    }
  }
  const target: LoadTarget = {
    propose: (command) =>
      new Promise<void>((resolve) => {
        if (turn.push({ command, resolve }) === 1) setImmediate(flush)
      }),
  }
  serveParent({ address: '' }, target)
}

await (role === 'leader' ? lead() : follow())
