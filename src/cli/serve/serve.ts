/** `quorate serve`: runs one node of the key-value service until a signal stops it or it fails. */
import { randomUUID } from 'node:crypto'
import type { NodeEvent, Observer } from '../../contracts/observer.ts'
import type { Storage } from '../../contracts/storage.ts'
import type { NodeId } from '../../core/types.ts'
import { isRaftError, RaftError } from '../../errors.ts'
import type { FeedMessage } from '../../http/dashboard/feed-message.ts'
import type { KvAnswer, KvCommand, KvQuery, KvResult } from '../../kv/index.ts'
import { KeyValueMachine, kvAnswerCodec, kvCommandCodec, kvQueryCodec, kvResultCodec } from '../../kv/index.ts'
import type { TlsFiles } from '../../peer-link/certificate-files.ts'
import type { ClientTlsFiles } from '../../peer-link/client-certificate-files.ts'
import { logObserver } from '../../runtime/log-observer.ts'
import type { RaftNode } from '../../runtime/raft-node.ts'
import { startNode } from '../../start-node.ts'
import { EXIT } from '../exit-codes.ts'
import { portOwner } from '../port-owner.ts'
import { stopRequest } from '../stop-signals.ts'
import type { Terminal } from '../terminal.ts'
import { closeInTime } from './close-in-time.ts'
import type { ServedHttp } from './http.ts'
import { startHttp } from './http.ts'
import { clusterToJoin } from './join.ts'
import { RemovalWatch } from './removal-watch.ts'
import type { ServeFlags, ServeOptions } from './serve-flags.ts'
import { serveOptions } from './serve-flags.ts'

/** Resolves with the exit code after a stop signal. Rejects if the node cannot start, fails, or was removed from the cluster. */
export async function serve(flags: ServeFlags, terminal: Terminal): Promise<number> {
  const options = serveOptions(flags)
  const stopRequested = stopRequest(options.isSupervised ? ['disconnect'] : [])
  const log = logObserver({ stream: { write: (line) => terminal.err(line), isTTY: process.stderr.isTTY } })
  const removal = new RemovalWatch()
  const http = options.http === undefined ? undefined : await startHttp(options.http)
  if (http !== undefined) announceHttp(http, options, terminal)
  const observers = [log, removal, ...(options.isSupervised ? [parentObserver] : []), ...(http?.observers ?? [])]
  try {
    const starting = start(options, observers).catch((error) => Promise.reject(withPortOwner(error, options)))
    const node = await Promise.race([starting, stopRequested])
    if (node === undefined) return EXIT.ok
    const failure = await Promise.race([node.failed, stopRequested, removal.removalError(node)])
    await closeInTime(() => node.close(), failure)
    return EXIT.ok
  } finally {
    await http?.close()
  }
}

function announceHttp({ address, feed }: ServedHttp, { id, isSupervised }: ServeOptions, terminal: Terminal): void {
  if (isSupervised) {
    sendToParent({ node: id, http: address })
    feed.subscribe((_, shown) => sendToParent({ node: id, shown }))
  } else
    terminal.err(
      `dashboard: http://${address}/  metrics: http://${address}/metrics  checks: http://${address}/readyz?verbose\n`,
    )
}

type KeyValueNode = RaftNode<KvCommand, KvResult, KvQuery, KvAnswer>

async function start(options: ServeOptions, observers: readonly Observer[]): Promise<KeyValueNode> {
  const { id, listen, join, routes, dataDir, storage, peerTransport, tls, clusterSecret, insecure, tokens } = options
  const { cluster, peers } =
    join === undefined
      ? options
      : await clusterToJoin(join, {
          cluster: options.cluster,
          tls: clusterSecret === undefined ? tls && clientFiles(tls) : { clusterSecret },
        })
  // The others use the address in the membership, which may differ from the address to listen on.
  const advertise = options.advertise ?? peers?.[id]
  return startNode({
    ...options.limits,
    ...{
      id,
      listen,
      advertise,
      cluster,
      peers,
      join: join !== undefined,
      adminListen: options.adminListen,
      routes,
      peerTransport,
      tls,
      clusterSecret,
      insecure,
      tokens,
      metadata: options.metadata,
    },
    ...(dataDir === undefined ? { storage: await memoryStorage() } : { dataDir, storage }),
    stateMachine: new KeyValueMachine(),
    codec: kvCommandCodec,
    resultCodec: kvResultCodec,
    queryCodec: kvQueryCodec,
    answerCodec: kvAnswerCodec,
    observers,
  })
}

/** Without the rules about the certificates of others. */
function clientFiles({ caFile, certFile, keyFile }: TlsFiles): ClientTlsFiles {
  return { caFile, certFile, keyFile }
}

/** Adds the process that holds the port to an ERR_RAFT_PORT_IN_USE error. */
function withPortOwner(error: unknown, { listen, adminListen }: ServeOptions): unknown {
  if (!isRaftError(error, 'ERR_RAFT_PORT_IN_USE')) return error
  const isOfAdmins = error.details.address === adminListen
  const address = isOfAdmins ? (adminListen ?? listen) : listen
  const owner = portOwner(Number(address.slice(address.lastIndexOf(':') + 1)))
  const message = owner === undefined ? error.message : `${error.message}; owner: ${owner}`
  const hint = `stop that process, or choose another port with ${isOfAdmins ? '--admin-listen' : '--listen'}`
  return new RaftError(error.code, message, { hint, details: { ...error.details, owner }, cause: error })
}

/** Uses a random directory id: a restarted process has lost its log and vote, so the cluster must not accept it as the old node. */
async function memoryStorage(): Promise<Storage> {
  const [{ MemoryDisk }, { MemoryStorage }] = await Promise.all([
    import('../../memory/memory-disk.ts'),
    import('../../memory/memory-storage.ts'),
  ])
  return new MemoryStorage({ disk: new MemoryDisk({ directoryId: randomUUID() }) })
}

/** What a supervised node sends to its parent process: every event; if it serves HTTP, first where, and what its dashboard shows. */
export type NodeReport =
  | { readonly node: NodeId; readonly event: NodeEvent }
  | { readonly node: NodeId; readonly http: string }
  | { readonly node: NodeId; readonly shown: FeedMessage }

const parentObserver: Observer = { event: (node, event) => sendToParent({ node, event }) }

function sendToParent(report: NodeReport): void {
  if (process.connected) process.send?.(report, undefined, undefined, () => undefined)
}
