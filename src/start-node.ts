/** The one file that wires the defaults: gRPC between nodes, RocksDB on disk, the real clock. Both are loaded only when they are used. */
import { randomInt } from 'node:crypto'
import type { Storage } from './contracts/storage.ts'
import type { Transport } from './contracts/transport.ts'
import { RAFT_DEFAULTS } from './core/options.ts'
import type { GrpcTransportOptions } from './grpc/peer/transport-options.ts'
import type { OptionCheck, OptionProblem } from './platform/options.ts'
import { checkMethods, checkString, throwOnProblems, withDefaults } from './platform/options.ts'
import type { NodeOptions } from './runtime/options.ts'
import { OPTION_CHECKS, RUNTIME_DEFAULTS, validateOptions } from './runtime/options.ts'
import { RaftNode } from './runtime/raft-node.ts'
import { realClock } from './runtime/real-clock.ts'

export interface StartOptions<Command, Result, Query = never, Answer = unknown>
  extends NodeOptions<Command, Result, Query, Answer> {
  /** Where this node listens: 'host:port'. Peers, clients and operators share the port. */
  readonly listen?: string | undefined
  /** Where the others reach it, if that is not where it listens. */
  readonly advertise?: string | undefined
  /** Where this node keeps everything; made if it is not there. No two nodes share one. */
  readonly dataDir?: string | undefined
  /** TLS for both ends of every link. Without it everything is plain text: keep the port inside a network you trust. */
  readonly credentials?: GrpcTransportOptions['credentials']
  /** Another storage than RocksDB in `dataDir`. */
  readonly storage?: Storage | undefined
  /** Another network than gRPC at `listen`. */
  readonly transport?: Transport | undefined
}

const CHECKS: Readonly<Record<string, OptionCheck>> = {
  ...OPTION_CHECKS,
  listen: checkAddress,
  advertise: checkAddress,
  dataDir: checkString,
  credentials: (value) =>
    typeof value === 'object' && value !== null ? undefined : 'must hold `server` and `channel`',
  storage: checkMethods('open', 'write', 'read', 'close'),
  transport: checkMethods('start', 'send', 'setPeers', 'close'),
}

/**
 * Starts a node, new or from what `dataDir` holds. Rejects with a RaftError: every mistake in the options at once, a busy port, a
 * directory in use or of another cluster, and the like.
 *
 *     const node = await startNode({ id: 'n1', listen: '127.0.0.1:7001', peers, dataDir: './data/n1', stateMachine })
 */
export async function startNode<Command, Result, Query = never, Answer = unknown>(
  options: StartOptions<Command, Result, Query, Answer>,
): Promise<RaftNode<Command, Result, Query, Answer>> {
  throwOnProblems([...validateOptions(options, CHECKS), ...missingOptions({ ...options })])
  const { listen, advertise, dataDir, credentials, storage, transport, seed = randomInt(2 ** 31), ...rest } = options
  const disk = storage ?? (await rocksDBStorage(dataDir as string))
  const nodeOptions = { ...rest, seed, clock: realClock(), storage: disk }
  if (transport !== undefined) return RaftNode.start({ ...nodeOptions, transport })
  const { GrpcTransport } = await import('./grpc/grpc-transport.ts')
  const { clientService } = await import('./grpc/service/client-service.ts')
  const { adminService } = await import('./grpc/service/admin-service.ts')
  const network = new GrpcTransport({
    listen: listen as string,
    advertise,
    credentials,
    messageBytesMax: messageBytesMaxOf(options),
  })
  const { server } = network
  return RaftNode.start({
    ...nodeOptions,
    transport: network,
    beforeListen: (node) => {
      const { commandBytesMax = RUNTIME_DEFAULTS.commandBytesMax } = options
      for (const service of [clientService(node, { commandBytesMax }), adminService(node)]) {
        server.addService(service.definition, service.implementation)
        server.beforeClose(() => service.end())
      }
    },
  })
}

async function rocksDBStorage(directory: string): Promise<Storage> {
  const { RocksDBStorage } = await import('./rocksdb/rocksdb-storage.ts')
  return new RocksDBStorage({ directory })
}

/** A message holds up to its own limit of blocks, or one block that is larger. */
function messageBytesMaxOf(options: { readonly blockBytesMax?: number; readonly messageBytesMax?: number }): number {
  const { blockBytesMax, messageBytesMax } = withDefaults({ ...RUNTIME_DEFAULTS, ...RAFT_DEFAULTS }, options)
  return Math.max(MESSAGE_BYTES_MIN, 2 * blockBytesMax, 2 * messageBytesMax)
}

/** What every node takes, whatever its own limits are: nodes may differ a little in their options. */
const MESSAGE_BYTES_MIN = 32 * 1024 * 1024

function missingOptions({ listen, dataDir, storage, transport }: Partial<Record<string, unknown>>): OptionProblem[] {
  const problems: OptionProblem[] = []
  if (dataDir === undefined && storage === undefined)
    problems.push({ path: 'dataDir', problem: 'is missing: where shall this node keep its log?' })
  if (listen === undefined && transport === undefined)
    problems.push({ path: 'listen', problem: "is missing: where shall this node listen ('127.0.0.1:7001')?" })
  return problems
}

function checkAddress(value: unknown): string | undefined {
  const isGood = typeof value === 'string' && /^(\[[^\]]+\]|[^:]+):\d{1,5}$/.test(value)
  return isGood ? undefined : `must be 'host:port', not ${typeof value === 'string' ? `'${value}'` : String(value)}`
}
