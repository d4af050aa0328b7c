/** Chooses the nodes, ports and directories of a demo. The plan is stored with the data, so that a later run reuses it. */
import { mkdir, mkdtemp, readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isRaftError, RaftError } from '../../errors.ts'
import { CommandFailure } from '../command-failure.ts'
import { EXIT } from '../exit-codes.ts'
import { portOwner } from '../port-owner.ts'
import type { PortRange } from '../text-values.ts'
import { parsePortRange, TextValueError } from '../text-values.ts'
import { busyPort, freeRange } from './free-ports.ts'

export interface DemoFlags {
  readonly nodes?: number
  readonly dataDir: string
  readonly ports?: string
  readonly memory?: boolean
  readonly json?: boolean
  readonly tls?: boolean
}

export interface PlannedNode {
  readonly id: string
  readonly address: string
  /** Undefined for a node in memory. */
  readonly dataDir: string | undefined
  readonly logFile: string
}

export interface DemoPlan {
  readonly nodes: readonly PlannedNode[]
  /** The directory for everything that the demo writes. */
  readonly directory: string
  readonly isMemory: boolean
  readonly isResumed: boolean
  /** The port in use because of which the default range was not chosen. */
  readonly busyPort: number | undefined
  /** The directory of the certificates; undefined without TLS. */
  readonly certificates: string | undefined
}

interface StoredPlan {
  readonly schema: 'quorate.demo/v1'
  readonly nodes: number
  readonly firstPort: number
  readonly tls?: boolean
}

export const DEMO_CLUSTER = 'kv-demo'
const NODES_DEFAULT = 3
const NODES_MAX = 9
const FIRST_PORT_DEFAULT = 7001
const PLAN_FILE = 'demo.json'

export async function planDemo(flags: DemoFlags): Promise<DemoPlan> {
  if (flags.memory === true) return newPlan(flags, await mkdtemp(join(tmpdir(), 'quorate-demo-')))
  const stored = await readPlan(flags.dataDir)
  if (stored !== undefined) return resumedPlan(flags, stored)
  await makeDirectory(flags.dataDir)
  const plan = await newPlan(flags, flags.dataDir)
  const firstPort = Number(plan.nodes[0]?.address.split(':')[1])
  const keep: StoredPlan = { schema: 'quorate.demo/v1', nodes: plan.nodes.length, firstPort, tls: flags.tls === true }
  await writeFile(join(flags.dataDir, PLAN_FILE), `${JSON.stringify(keep)}\n`)
  return plan
}

async function newPlan(flags: DemoFlags, directory: string): Promise<DemoPlan> {
  const count = checkedNodeCount(flags.nodes ?? NODES_DEFAULT)
  const requested = flags.ports === undefined ? undefined : requestedPorts(flags.ports, count)
  const range = requested ?? { first: FIRST_PORT_DEFAULT, last: FIRST_PORT_DEFAULT + count - 1 }
  const busy = await busyPort(range.first, count)
  if (busy !== undefined && requested !== undefined)
    throw portInUse(busy, 'omit --ports to use the next free range, or choose another range')
  const firstPort = busy === undefined ? range.first : await freeRange(range.first + count, count)
  return planOf({
    count,
    firstPort,
    directory,
    isMemory: flags.memory === true,
    isResumed: false,
    busyPort: busy,
    isTls: flags.tls === true,
  })
}

/** Keeps the ports, because the stored membership contains the addresses. */
async function resumedPlan(flags: DemoFlags, stored: StoredPlan): Promise<DemoPlan> {
  const { nodes: count, firstPort } = stored
  const range = `${firstPort}-${firstPort + count - 1}`
  const requested = flags.ports === undefined ? undefined : requestedPorts(flags.ports, count)
  if ((flags.nodes ?? count) !== count || (requested?.first ?? firstPort) !== firstPort)
    throw new CommandFailure(`the data in ${flags.dataDir} belongs to ${count} nodes with ports ${range}`, {
      exitCode: EXIT.usage,
      hint: 'omit --nodes and --ports to continue with this data, or choose another --data-dir',
    })
  const busy = await busyPort(firstPort, count)
  if (busy !== undefined)
    throw portInUse(
      busy,
      `the nodes in ${flags.dataDir} use ports ${range}: stop the process that uses them (perhaps this demo in another terminal), or choose another --data-dir`,
    )
  return planOf({
    count,
    firstPort,
    directory: flags.dataDir,
    isMemory: false,
    isResumed: true,
    busyPort: undefined,
    isTls: flags.tls === true || stored.tls === true,
  })
}

interface PlanFacts extends Pick<DemoPlan, 'directory' | 'isMemory' | 'isResumed' | 'busyPort'> {
  readonly isTls: boolean
  readonly count: number
  readonly firstPort: number
}

function planOf({ count, firstPort, isTls, ...rest }: PlanFacts): DemoPlan {
  const nodes = Array.from({ length: count }, (_, offset) => ({
    id: `n${offset + 1}`,
    address: `127.0.0.1:${firstPort + offset}`,
    dataDir: rest.isMemory ? undefined : join(rest.directory, `n${offset + 1}`),
    logFile: join(rest.directory, `n${offset + 1}.log`),
  }))
  return { nodes, certificates: isTls ? join(rest.directory, 'certs') : undefined, ...rest }
}

async function readPlan(dataDir: string): Promise<StoredPlan | undefined> {
  const path = join(dataDir, PLAN_FILE)
  try {
    const stored = JSON.parse(await readFile(path, 'utf8')) as StoredPlan
    const isValid = stored.schema === 'quorate.demo/v1' && Number.isSafeInteger(stored.nodes + stored.firstPort)
    if (isValid) return stored
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    if (!(error instanceof SyntaxError)) throw accessError(dataDir, error)
  }
  throw new RaftError('ERR_RAFT_FORMAT', `${path} was not written by this version of the demo`, {
    hint: 'choose another --data-dir',
  })
}

async function makeDirectory(dataDir: string): Promise<void> {
  try {
    await mkdir(dataDir, { recursive: true })
  } catch (error) {
    throw accessError(dataDir, error)
  }
}

function accessError(dataDir: string, cause: unknown): RaftError {
  if (isRaftError(cause)) return cause
  const reason = cause instanceof Error ? cause.message : String(cause)
  return new RaftError('ERR_RAFT_DATA_DIR_ACCESS', `the data directory ${dataDir} cannot be used: ${reason}`, {
    hint: 'choose another --data-dir, or run as the user that owns it',
    cause,
  })
}

function checkedNodeCount(count: number): number {
  if (count <= NODES_MAX) return count
  throw new CommandFailure(`--nodes ${count} is more than the maximum of ${NODES_MAX}`, {
    exitCode: EXIT.usage,
  })
}

function requestedPorts(text: string, count: number): PortRange {
  try {
    return parsePortRange(text, count)
  } catch (error) {
    if (!(error instanceof TextValueError)) throw error
    throw new CommandFailure(`--ports ${error.message}`, { exitCode: EXIT.usage })
  }
}

function portInUse(port: number, hint: string): RaftError {
  const owner = portOwner(port)
  const message = `port ${port} is in use${owner === undefined ? '' : ` by ${owner}`}`
  return new RaftError('ERR_RAFT_PORT_IN_USE', message, { hint, details: { port, owner } })
}
