/** Parses the flags of `quorate serve` into options of a node, and reports all mistakes at once. */
import type { CallerRole } from '../../access/roles.ts'
import { isRaftError } from '../../errors.ts'
import type { TlsFiles } from '../../peer-link/certificate-files.ts'
import type { OptionProblem } from '../../platform/options.ts'
import { throwOnProblems, withoutUndefined } from '../../platform/options.ts'
import {
  parseAddress,
  parseAddresses,
  parseBytes,
  parseCount,
  parseDuration,
  parseDurationRange,
  parseMetadata,
  parsePeers,
  TextValueError,
} from '../text-values.ts'
import type { NodeTlsFlags } from '../tls-files.ts'
import { nodeTls, readSecret } from '../tls-files.ts'
import { readTokens } from '../token-files.ts'

/** The flags as typed. */
export interface ServeFlags extends NodeTlsFlags {
  readonly id?: string
  readonly listen?: string
  readonly adminListen?: string
  readonly advertise?: string
  readonly peers?: string
  readonly routes?: string
  readonly join?: string
  readonly dataDir?: string
  readonly storage?: 'rocksdb' | 'segments'
  readonly immediateWriteBytes?: string
  readonly peerTransport?: 'grpc' | 'tcp'
  readonly memory?: boolean
  readonly cluster?: string
  readonly electionTimeout?: string
  readonly electionTimeoutLimit?: string
  readonly heartbeat?: string
  readonly leaseReads?: boolean
  /** False with --no-forward. */
  readonly forward?: boolean
  readonly metadata?: readonly string[]
  readonly snapshotEntries?: string
  readonly snapshotSendRate?: string
  readonly leaderPriority?: string
  readonly autopilot?: string
  readonly autopilotVoters?: string
  readonly heapGrowth?: string
  readonly snapshotsFromFollowers?: boolean
  readonly http?: string
  readonly supervised?: boolean
  readonly tokens?: string
  readonly insecure?: boolean
}

export interface ServeLimits {
  readonly immediateWriteBytesMax?: number
  readonly electionTimeoutMinMs?: number
  readonly electionTimeoutMaxMs?: number
  readonly electionTimeoutLimitMs?: number
  readonly heartbeatIntervalMs?: number
  readonly leaseReads?: boolean
  readonly forward?: boolean
  readonly snapshotEntries?: number
  readonly snapshotSendBytesPerSecond?: number
  readonly leaderPriority?: number
  readonly autopilotDeadMs?: number
  readonly autopilotVotersMin?: number
  readonly heapGrowthPercent?: number
  readonly snapshotsFromFollowers?: boolean
}

export interface ServeOptions {
  readonly id: string
  readonly listen: string
  readonly adminListen: string | undefined
  readonly advertise: string | undefined
  readonly peers: Readonly<Record<string, string>> | undefined
  readonly routes: Readonly<Record<string, string>> | undefined
  readonly join: readonly string[] | undefined
  readonly dataDir: string | undefined
  readonly storage: 'rocksdb' | 'segments' | undefined
  readonly peerTransport: 'grpc' | 'tcp' | undefined
  readonly cluster: string | undefined
  readonly tls: TlsFiles | undefined
  readonly clusterSecret: Buffer | undefined
  readonly insecure: boolean | undefined
  readonly tokens: Readonly<Record<string, CallerRole>> | undefined
  readonly metadata: Readonly<Record<string, string>> | undefined
  /** Where to serve metrics and checks; undefined for nowhere. */
  readonly http: string | undefined
  /** Only the limits that were given. */
  readonly limits: ServeLimits
  readonly isSupervised: boolean
}

/** Throws ERR_RAFT_OPTIONS that lists every mistake; of several files for TLS, the first one that cannot be used. */
export function serveOptions(flags: ServeFlags): ServeOptions {
  const problems: OptionProblem[] = []
  const read = <Text, Value>(path: string, text: Text | undefined, parse: (text: Text) => Value): Value | undefined => {
    if (text === undefined) return undefined
    try {
      return parse(text)
    } catch (error) {
      if (!(error instanceof TextValueError)) throw error
      problems.push({ path, problem: error.message })
      return undefined
    }
  }
  const load = <Value>(reader: () => Value): Value | undefined => {
    try {
      return reader()
    } catch (error) {
      if (!isRaftError(error, 'ERR_RAFT_OPTIONS')) throw error
      const [path = '', ...words] = error.message.split(' ')
      problems.push({ path, problem: words.join(' ') })
      return undefined
    }
  }
  const { clusterSecret } = flags
  const election = read('--election-timeout', flags.electionTimeout, parseDurationRange)
  const limits = {
    immediateWriteBytesMax: read('--immediate-write-bytes', flags.immediateWriteBytes, parseBytes),
    electionTimeoutMinMs: election?.min,
    electionTimeoutMaxMs: election?.max,
    electionTimeoutLimitMs: read('--election-timeout-limit', flags.electionTimeoutLimit, parseDuration),
    heartbeatIntervalMs: read('--heartbeat', flags.heartbeat, parseDuration),
    leaseReads: flags.leaseReads,
    forward: flags.forward,
    snapshotEntries: read('--snapshot-entries', flags.snapshotEntries, (text) => parseCount(text, 1)),
    snapshotSendBytesPerSecond: read('--snapshot-send-rate', flags.snapshotSendRate, parseBytes),
    leaderPriority: read('--leader-priority', flags.leaderPriority, (text) => parseCount(text, 0)),
    autopilotDeadMs: read('--autopilot', flags.autopilot, parseDuration),
    autopilotVotersMin: read('--autopilot-voters', flags.autopilotVoters, (text) => parseCount(text, 1)),
    heapGrowthPercent: read('--heap-growth', flags.heapGrowth, (text) => parseCount(text, 0)) || undefined,
    snapshotsFromFollowers: flags.snapshotsFromFollowers,
  }
  const options = {
    id: flags.id ?? '',
    listen: read('--listen', flags.listen, parseAddress) ?? '',
    adminListen: read('--admin-listen', flags.adminListen, parseAddress),
    advertise: read('--advertise', flags.advertise, parseAddress),
    peers: read('--peers', flags.peers, parsePeers),
    routes: read('--routes', flags.routes, parsePeers),
    join: read('--join', flags.join, parseAddresses),
    http: read('--http', flags.http, parseHttpAddress),
    dataDir: flags.dataDir,
    storage: flags.storage,
    peerTransport: flags.peerTransport,
    cluster: flags.cluster,
    tls: load(() => nodeTls(flags)),
    clusterSecret: clusterSecret === undefined ? undefined : load(() => readSecret(clusterSecret)),
    insecure: flags.insecure,
    tokens: load(() => readTokens(flags.tokens)),
    metadata: read('--metadata', flags.metadata, parseMetadata),
    limits: withoutUndefined(limits) as ServeLimits,
    isSupervised: flags.supervised === true,
  }
  problems.push(...contradictions(flags))
  throwOnProblems(problems)
  return options
}

/** 'HOST:PORT', or only a port, which is on the loopback interface. */
function parseHttpAddress(text: string): string {
  return parseAddress(/^\d+$/.test(text) ? `127.0.0.1:${text}` : text)
}

function contradictions(flags: ServeFlags): OptionProblem[] {
  const { id, listen, peers, join, dataDir, storage, immediateWriteBytes, memory } = flags
  const problems: OptionProblem[] = []
  const expect = (isValid: boolean, path: string, problem: string): void => {
    if (!isValid) problems.push({ path, problem })
  }
  expect(id !== undefined, '--id', 'is missing: the id of this node, such as n1')
  expect(listen !== undefined, '--listen', 'is missing: the address to listen on, such as 127.0.0.1:7001')
  expect(peers !== undefined || join !== undefined, '--peers', 'is missing: list all initial members, or use --join')
  expect(peers === undefined || join === undefined, '--join', 'and --peers exclude each other')
  expect(dataDir !== undefined || memory === true, '--data-dir', 'is missing: give a directory, or use --memory')
  expect(dataDir === undefined || memory !== true, '--memory', 'and --data-dir exclude each other')
  expect(storage === undefined || memory !== true, '--memory', 'and --storage exclude each other')
  const isImmediate = immediateWriteBytes !== undefined
  expect(!isImmediate || memory !== true, '--memory', 'and --immediate-write-bytes exclude each other')
  expect(!isImmediate || storage !== 'rocksdb', '--immediate-write-bytes', 'is only for --storage segments')
  return problems
}
