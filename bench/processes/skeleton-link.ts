/** The connections of the skeleton: blocks from the leader to a follower, and back the last number that is durable there. */
import { createServer, connect as openSocket, type Socket } from 'node:net'
import * as grpc from '@grpc/grpc-js'

export type LinkName = 'grpc' | 'tcp'

/** Handles a block at a follower; `answer` acknowledges it. */
export type OnBlock = (block: Buffer, answer: (last: number) => void) => void

export interface SkeletonLink {
  /** Accepts a leader's connection. Resolves with the port. */
  listen(onBlock: OnBlock): Promise<number>
  /** Connects to a follower and returns the function that sends a block to it. */
  connect(address: string, onAnswer: (last: number) => void): (block: Buffer) => void
}

const HEADER_BYTES = 4
const MESSAGE_BYTES_MAX = 64 * 1024 * 1024

const tcp: SkeletonLink = {
  listen: (onBlock) =>
    new Promise((resolve) => {
      const server = createServer({ noDelay: true }, (socket) => {
        socket.on('error', () => undefined)
        receiveFrames(socket, (block) => onBlock(block, (last) => sendFrame(socket, numberBytes(last))))
      })
      server.listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port))
    }),
  connect: (address, onAnswer) => {
    const [host = '', port] = address.split(':')
    const socket = openSocket({ host, port: Number(port), noDelay: true })
    receiveFrames(socket, (bytes) => onAnswer(bytes.readDoubleLE(0)))
    return (block) => sendFrame(socket, block)
  },
}

const identity = (bytes: Buffer): Buffer => bytes
const DEFINITION = {
  Blocks: {
    ...{ path: '/skeleton/Blocks', requestStream: true, responseStream: true },
    ...{ requestSerialize: identity, requestDeserialize: identity },
    ...{ responseSerialize: identity, responseDeserialize: identity },
  },
} as const

const overGrpc: SkeletonLink = {
  listen: (onBlock) => {
    const server = new grpc.Server({ 'grpc.max_receive_message_length': MESSAGE_BYTES_MAX })
    server.addService(DEFINITION as unknown as grpc.ServiceDefinition, {
      Blocks: (call: grpc.ServerDuplexStream<Buffer, Buffer>) => {
        call.on('data', (block: Buffer) => onBlock(block, (last) => call.write(numberBytes(last))))
        call.on('error', () => undefined)
      },
    })
    return new Promise((resolve, reject) =>
      server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, port) =>
        error ? reject(error) : resolve(port),
      ),
    )
  },
  connect: (address, onAnswer) => {
    const client = new grpc.Client(address, grpc.credentials.createInsecure(), {
      'grpc.max_receive_message_length': MESSAGE_BYTES_MAX,
      'grpc.use_local_subchannel_pool': 1,
    })
    const stream = client.makeBidiStreamRequest('/skeleton/Blocks', identity, identity)
    stream.on('data', (bytes: Buffer) => onAnswer(bytes.readDoubleLE(0)))
    return (block) => void stream.write(block)
  },
}

export const SKELETON_LINKS: Readonly<Record<LinkName, SkeletonLink>> = { tcp, grpc: overGrpc }

function numberBytes(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(8)
  bytes.writeDoubleLE(value)
  return bytes
}

function sendFrame(socket: Socket, bytes: Buffer): void {
  const header = Buffer.allocUnsafe(HEADER_BYTES)
  header.writeUInt32LE(bytes.length)
  socket.cork()
  socket.write(header)
  socket.write(bytes)
  process.nextTick(() => socket.uncork())
}

/** Calls `onFrame` with every whole frame. */
function receiveFrames(socket: Socket, onFrame: (bytes: Buffer) => void): void {
  let rest: Buffer[] = []
  let size = 0
  let wanted = HEADER_BYTES
  socket.on('data', (chunk) => {
    rest.push(chunk)
    size += chunk.length
    if (size < wanted) return
    const bytes = rest.length === 1 ? chunk : Buffer.concat(rest)
    let at = 0
    for (;;) {
      wanted = HEADER_BYTES
      if (bytes.length - at < wanted) break
      wanted += bytes.readUInt32LE(at)
      if (bytes.length - at < wanted) break
      onFrame(bytes.subarray(at + HEADER_BYTES, at + wanted))
      at += wanted
    }
    rest = at === bytes.length ? [] : [bytes.subarray(at)]
    size = bytes.length - at
  })
}
