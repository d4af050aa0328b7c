/** Starts a node with the default adapters: gRPC, a durable storage and the real clock. gRPC and RocksDB are loaded only if they are used. */
import { randomInt } from 'node:crypto'
import { NodeChecks } from './checks/node-checks.ts'
import type { Storage } from './contracts/storage.ts'
import type { Transport } from './contracts/transport.ts'
import { RAFT_DEFAULTS } from './core/options.ts'
import { checkImmediateWriteBytes, chooseStorage, immediateWriteProblems } from './engines.ts'
import type { AdminPortOptions } from './grpc/admin-port.ts'
import type { GrpcServer } from './grpc/grpc-server.ts'
import type { GrpcTransport } from './grpc/grpc-transport.ts'
import type { GrpcTransportOptions } from './grpc/peer/transport-options.ts'
import type { TransportBesideClients } from './grpc/transport-beside-clients.ts'
import type { TlsFiles } from './peer-link/certificate-files.ts'
import { CertificateFiles, checkTlsOrFiles, hasFiles } from './peer-link/certificate-files.ts'
import { PEER_LINK_DEFAULTS } from './peer-link/limits.ts'
import { isLoopback, parseListenAddress } from './peer-link/listen-address.ts'
import { checkRoutes } from './peer-link/routes.ts'
import { checkSecret } from './peer-link/secret-tls.ts'
import type { TlsOptions } from './peer-link/tls-options.ts'
import { checkTokens, clusterInCertificate } from './peer-link/tls-options.ts'
import { tooFewDescriptors } from './platform/descriptor-limit.ts'
import { setHeapGrowth } from './platform/heap-growth.ts'
import type { OptionCheck, OptionProblem } from './platform/options.ts'
import {
  checkBoolean,
  checkInteger,
  checkMethods,
  checkString,
  throwOnProblems,
  withDefaults,
} from './platform/options.ts'
import type { NodeOptions } from './runtime/options.ts'
import { OPTION_CHECKS, RUNTIME_DEFAULTS, validateOptions } from './runtime/options.ts'
import { RaftNode } from './runtime/raft-node.ts'
import { realClock } from './runtime/real-clock.ts'

export interface StartOptions<Command, Result, Query = never, Answer = unknown>
  extends NodeOptions<Command, Result, Query, Answer> {
  /** Where this node listens, as 'host:port'. Peers, clients and operators share the port; with a `transport` of your own, only the latter two use it. */
  readonly listen?: string | undefined
  /**
   * A port of its own for admins, as 'host:port': the calls that need the role admin are served only there, and refused at `listen` with the address. It
   * serves what clients and observers may call too, but no peers.
   */
  readonly adminListen?: string | undefined
  /** The address at which peers reach this node; by default its own entry of `peers`, or `listen`. */
  readonly advertise?: string | undefined
  /**
   * Where to connect to some peers, by id, instead of their addresses in the membership: a proxy or a tunnel, for example. Others and clients still
   * use the membership. With TLS, the certificate of the peer must name the host of the route.
   */
  readonly routes?: Readonly<Record<string, string>> | undefined
  /** The directory for the log and the snapshots; created if missing. Each node needs its own. */
  readonly dataDir?: string | undefined
  /**
   * TLS keys and certificates, for all connections of this node. Without them nothing is encrypted: use a trusted network. Files (`keyFile`, `certFile`,
   * `caFile`) are read again when they change; what they contain then is for new connections.
   */
  readonly tls?: TlsOptions | TlsFiles | undefined
  /**
   * Instead of `tls`: a secret that all nodes and clients of the cluster share, 16 bytes or more. Connections are encrypted, and who has the secret may do
   * everything, as any node.
   */
  readonly clusterSecret?: string | Buffer | undefined
  /** Listen where other machines reach the port although it has neither `tls` nor `clusterSecret`: anybody who reaches it is trusted. */
  readonly insecure?: boolean | undefined
  /** Bearer tokens and their roles, for clients without a certificate. Needs `tls`. */
  readonly tokens?: GrpcTransportOptions['tokens']
  /** Instead of `tls`: credentials of grpc-js. The node then speaks only gRPC with its peers. */
  readonly credentials?: GrpcTransportOptions['credentials']
  /**
   * What keeps the log in `dataDir`: RocksDB, or segment files, which need no native code. By default a directory keeps what it has, and a
   * new one gets RocksDB if it loads, and segments otherwise. A Storage of your own replaces both, and `dataDir`.
   */
  readonly storage?: 'rocksdb' | 'segments' | Storage | undefined
  /**
   * With segment files: a write of at most so many bytes is made on the thread of JavaScript, on Linux while the disk is fast: while no recent write
   * took longer than a twentieth of the heartbeat interval, at most 5 ms. It shortens a single proposal, and stops the event loop meanwhile. 0 makes no write this way.
   * Default 4096. Rejected with another storage.
   */
  readonly immediateWriteBytesMax?: number | undefined
  /**
   * How this node connects to its peers: over gRPC, or with frames over TCP, which cost less. Every node accepts both at `listen`, so the nodes
   * of a cluster may differ, and change one by one. Default 'tcp', or 'grpc' with `credentials`.
   */
  readonly peerTransport?: 'grpc' | 'tcp' | undefined
  /**
   * How this node connects to its peers, if not by gRPC or TCP. Clients and operators are served over gRPC at `listen`; without `listen` there are
   * none. It excludes `advertise`, `routes` and `peerTransport`; `tls`, `clusterSecret` and `credentials` are for `listen`.
   */
  readonly transport?: Transport | undefined
  /**
   * By how many percent the heap of this process may grow over what is live until V8 collects all of it; undefined leaves that to V8. It concerns the
   * whole process. 300 makes a busy node faster, for some 30 MB more memory (docs/how-to/deploy.md#memory).
   */
  readonly heapGrowthPercent?: number | undefined
}

const HEAP_GROWTH_PERCENT_MAX = 1000

const CHECKS: Readonly<Record<string, OptionCheck>> = {
  ...OPTION_CHECKS,
  listen: checkAddress,
  adminListen: checkAddress,
  advertise: checkAddress,
  routes: checkRoutes,
  dataDir: checkString,
  tls: checkTlsOrFiles,
  tokens: checkTokens,
  clusterSecret: checkSecret,
  insecure: checkBoolean,
  credentials: (value) =>
    typeof value === 'object' && value !== null ? undefined : 'must have `server` and `channel`',
  storage: (value) =>
    value === 'rocksdb' || value === 'segments' || checkMethods('open', 'write', 'read', 'close')(value) === undefined
      ? undefined
      : "must be 'rocksdb', 'segments' or a Storage",
  immediateWriteBytesMax: checkImmediateWriteBytes,
  peerTransport: (value) => (value === 'grpc' || value === 'tcp' ? undefined : "must be 'grpc' or 'tcp'"),
  transport: checkMethods('start', 'send', 'setPeers', 'close'),
  heapGrowthPercent: checkInteger(1, HEAP_GROWTH_PERCENT_MAX),
}

/**
 * Starts a new node, or restarts the one in `dataDir`. Resolves once it is running, not once there is a leader. Rejects with a RaftError:
 * ERR_RAFT_OPTIONS (every invalid option is listed), ERR_RAFT_PORT_IN_USE, ERR_RAFT_DATA_DIR_LOCKED, ERR_RAFT_CLUSTER_MISMATCH,
 * ERR_RAFT_CORRUPT and others; see docs/reference/errors.md.
 *
 *     const node = await startNode({ id: 'n1', listen: '127.0.0.1:7001', peers, dataDir: './data/n1', stateMachine })
 */
export async function startNode<Command, Result, Query = never, Answer = unknown>(
  options: StartOptions<Command, Result, Query, Answer>,
): Promise<RaftNode<Command, Result, Query, Answer>> {
  throwOnProblems([...validateOptions(options, CHECKS), ...missingOptions({ ...options })])
  const tooFew = tooFewDescriptors()
  if (tooFew !== undefined) throw tooFew
  const {
    listen,
    adminListen,
    routes,
    dataDir,
    insecure: _,
    tls: given,
    clusterSecret,
    credentials,
    tokens,
    storage,
    immediateWriteBytesMax,
    peerTransport,
    transport,
    heapGrowthPercent,
    seed = randomInt(2 ** 31),
    ...rest
  } = options
  const { heartbeatIntervalMs = RAFT_DEFAULTS.heartbeatIntervalMs } = options
  if (heapGrowthPercent !== undefined) setHeapGrowth(heapGrowthPercent)
  const certificates = hasFiles(given) ? new CertificateFiles(given) : given
  const tls = clusterSecret === undefined ? certificates : { clusterSecret }
  const {
    advertise = ownEntry(options),
    cluster = certificates && clusterInCertificate(certificates.cert, options.id),
    ...nodeRest
  } = rest
  const chosen =
    typeof storage === 'object'
      ? { storage, reason: undefined }
      : await chooseStorage(dataDir as string, storage, { immediateWriteBytesMax, heartbeatIntervalMs })
  const checks = new NodeChecks()
  const observers = [...(nodeRest.observers ?? []), checks]
  const disk = { storage: chosen.storage, storageReason: chosen.reason }
  const nodeOptions = { ...nodeRest, observers, cluster, seed, clock: realClock(), ...disk }
  if (transport !== undefined && listen === undefined) return RaftNode.start({ ...nodeOptions, transport })
  const { clientService } = await import('./grpc/service/client-service.ts')
  const { adminService } = await import('./grpc/service/admin-service.ts')
  const { healthService } = await import('./grpc/service/health-service.ts')
  const { addReflection } = await import('./grpc/service/reflection-service.ts')
  const messageBytesMax = messageBytesMaxOf(options)
  const port = { listen: listen as string, advertise, routes, tls, credentials, tokens, messageBytesMax }
  const network = await (transport === undefined ? openNetwork(port, peerTransport) : serveBeside(transport, port))
  const { server } = network
  const nodeAddress = advertise ?? (listen as string)
  const servers = [
    server,
    ...(adminListen === undefined ? [] : [await openAdminPort(server, { ...port, listen: adminListen, nodeAddress })]),
  ]
  return RaftNode.start({
    ...nodeOptions,
    transport: network,
    beforeListen: (node) => {
      const { commandBytesMax = RUNTIME_DEFAULTS.commandBytesMax } = options
      const health = healthService(() => checks.serving())
      for (const service of [clientService(node, { commandBytesMax }), adminService(node), health]) {
        for (const each of servers) each.addService(service.definition, service.implementation)
        server.beforeClose(() => service.end())
      }
      for (const each of servers) addReflection(each)
    },
  })
}

type PortOptions = Pick<GrpcTransportOptions, 'listen' | 'advertise' | 'routes' | 'tls' | 'credentials' | 'tokens'> & {
  readonly messageBytesMax: number
}

/** One port for peers, clients and operators. */
async function openNetwork(port: PortOptions, peerTransport: 'grpc' | 'tcp' | undefined): Promise<GrpcTransport> {
  const { GrpcTransport } = await import('./grpc/grpc-transport.ts')
  const { TcpProtocol } = await import('./tcp/tcp-protocol.ts')
  const { messageBytesMax, tls } = port
  // At a port with credentials of grpc-js, only grpc-js can decrypt and authenticate.
  if (port.credentials !== undefined) return new GrpcTransport(port)
  const protocol = new TcpProtocol({ ...PEER_LINK_DEFAULTS, messageBytesMax }, tls)
  return new GrpcTransport(port, { protocol, isDialled: peerTransport !== 'grpc' })
}

/** A second port, for admins. */
async function openAdminPort(
  server: GrpcServer,
  options: Omit<AdminPortOptions, 'access' | 'tell'>,
): Promise<GrpcServer> {
  const { adminPort } = await import('./grpc/admin-port.ts')
  const { tls, credentials, listen, nodeAddress, messageBytesMax } = options
  const { access, onCondition: tell } = server
  const port = adminPort({ tls, credentials, listen, nodeAddress, access, messageBytesMax, tell })
  server.serveAdminsAt(port)
  return port
}

/** A port for clients and operators. */
async function serveBeside(transport: Transport, port: PortOptions): Promise<TransportBesideClients> {
  const { TransportBesideClients } = await import('./grpc/transport-beside-clients.ts')
  return new TransportBesideClients(transport, port)
}

/** The address of this node in `peers`; undefined if its port is not known before it listens. */
function ownEntry({
  id,
  peers,
}: {
  readonly id: string
  readonly peers?: Readonly<Record<string, string>> | undefined
}) {
  const address = peers?.[id]
  return address?.endsWith(':0') === true ? undefined : address
}

/** A message holds blocks up to messageBytesMax, or a single larger block. */
function messageBytesMaxOf(options: { readonly blockBytesMax?: number; readonly messageBytesMax?: number }): number {
  const { blockBytesMax, messageBytesMax } = withDefaults({ ...RUNTIME_DEFAULTS, ...RAFT_DEFAULTS }, options)
  return Math.max(MESSAGE_BYTES_MIN, 2 * blockBytesMax, 2 * messageBytesMax)
}

/** Every node accepts messages of this size, because the limits of nodes may differ. */
const MESSAGE_BYTES_MIN = 32 * 1024 * 1024

/** Options that would have no effect with a transport of one's own. */
const IGNORED_WITH_TRANSPORT: readonly OptionProblem[] = [
  {
    path: 'advertise',
    problem: 'and `transport` exclude each other: the address of this node is that of its transport',
  },
  { path: 'routes', problem: 'and `transport` exclude each other: the transport connects to the peers' },
  { path: 'peerTransport', problem: 'and `transport` exclude each other: the transport connects to the peers' },
]

function missingOptions(options: Partial<Record<string, unknown>>): OptionProblem[] {
  const { listen, adminListen, dataDir, storage, transport, tls, credentials, tokens, clusterSecret, peerTransport } =
    options
  const problems: OptionProblem[] = []
  if (dataDir === undefined && typeof storage !== 'object')
    problems.push({ path: 'dataDir', problem: 'is missing: where should this node store its log?' })
  problems.push(...immediateWriteProblems(options.immediateWriteBytesMax, storage))
  if (tls !== undefined && credentials !== undefined)
    problems.push({ path: 'credentials', problem: 'and `tls` exclude each other' })
  const isOpen =
    tls === undefined && credentials === undefined && clusterSecret === undefined && options.insecure !== true
  for (const path of ['listen', 'adminListen'])
    if (isOpen && isReachedByOthers(options[path]))
      problems.push({
        path,
        problem: `(${options[path]}) can be reached from other machines, and everybody there would be trusted: pass \`tls\` or \`clusterSecret\`, or \`insecure: true\` in a network that you trust`,
      })
  if (adminListen !== undefined && listen === undefined)
    problems.push({ path: 'adminListen', problem: 'needs `listen`, where clients are served' })
  if (adminListen !== undefined && adminListen === listen)
    problems.push({ path: 'adminListen', problem: 'must differ from `listen`: it is a port of its own' })
  if (clusterSecret !== undefined)
    for (const path of ['tls', 'credentials'])
      if (options[path] !== undefined) problems.push({ path, problem: 'and `clusterSecret` exclude each other' })
  if (tokens !== undefined && tls === undefined)
    problems.push({ path: 'tokens', problem: 'needs `tls`: without it, others can read the tokens' })
  if (credentials !== undefined && peerTransport === 'tcp')
    problems.push({
      path: 'peerTransport',
      problem: "'tcp' needs `tls` instead of `credentials`, which only gRPC can use",
    })
  if (transport !== undefined)
    problems.push(...IGNORED_WITH_TRANSPORT.filter(({ path }) => options[path] !== undefined))
  if (transport !== undefined && listen === undefined)
    for (const path of ['tls', 'credentials', 'clusterSecret'])
      if (options[path] !== undefined)
        problems.push({
          path,
          problem: 'is for clients at `listen`, which is missing; a `transport` is protected by its own means',
        })
  if (listen === undefined && transport === undefined)
    problems.push({ path: 'listen', problem: "is missing: where should this node listen (such as '127.0.0.1:7001')?" })
  return problems
}

function isReachedByOthers(address: unknown): boolean {
  return typeof address === 'string' && checkAddress(address) === undefined && !isLoopback(parseListenAddress(address))
}

function checkAddress(value: unknown): string | undefined {
  const isValid = typeof value === 'string' && /^(\[[^\]]+\]|[^:]+):\d{1,5}$/.test(value)
  return isValid ? undefined : `must be 'host:port', not ${typeof value === 'string' ? `'${value}'` : String(value)}`
}
