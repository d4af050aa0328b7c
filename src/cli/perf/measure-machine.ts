/** Measures what a node on this machine would have: the time of durable writes, the delay of an event loop, and round trips to other machines. */
import { randomBytes } from 'node:crypto'
import { open, rm } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setTimeout as wait } from 'node:timers/promises'
import { makeDirectory } from '../../data-directory/durable-files.ts'
import { storageError } from '../../data-directory/storage-errors.ts'
import { RaftError } from '../../errors.ts'
import type { Measurement, Timeouts } from './verdicts.ts'

/** The bytes of one write: a small group of commands. */
const WRITE_BYTES = 4096
/** The file is written over and over, as the log's preallocated files are. */
const FILE_WRITES = 256
const WRITE_PAUSE_MS = 5
const LOOP_RESOLUTION_MS = 10
const CONNECT_TIMEOUT_MS = 2000
const CONNECT_PAUSE_MS = 100

export interface MachineOptions {
  /** A directory on the disk that the node would use; created if it does not exist. */
  readonly directory: string
  /** Addresses of other machines: a host and a port at which something listens, or refuses at once. */
  readonly peers: readonly string[]
  readonly timeouts: Timeouts
  readonly durationMs: number
  readonly onProgress: (doneMs: number) => void
}

/** Rejects with an error of the storage if the directory cannot be written, and with ERR_RAFT_UNREACHABLE for a peer that never responds. */
export async function measureMachine(options: MachineOptions): Promise<readonly Measurement[]> {
  const { directory, peers, timeouts, durationMs, onProgress } = options
  const until = performance.now() + durationMs
  const loop = monitorEventLoopDelay({ resolution: LOOP_RESOLUTION_MS })
  loop.enable()
  try {
    const [writes, ...trips] = await Promise.all([
      timeWrites(directory, until, (leftMs) => onProgress(durationMs - Math.max(0, leftMs))),
      ...peers.map((address) => timeConnections(address, until)),
    ])
    const loopDelayMs = Math.max(0, loop.max / 1e6 - LOOP_RESOLUTION_MS)
    return [
      { where: 'this process', what: 'event loop', longestMs: loopDelayMs, timeouts },
      { where: directory, what: 'durable write', ...summary(writes), timeouts },
      ...trips.map((times, offset) => ({
        ...{ where: peers[offset] as string, what: 'round trip' as const },
        ...{ ...summary(times), timeouts },
      })),
    ]
  } finally {
    loop.disable()
  }
}

function summary(times: readonly number[]): { longestMs: number; medianMs: number } {
  const sorted = times.toSorted((a, b) => a - b)
  return { longestMs: sorted.at(-1) ?? 0, medianMs: sorted[sorted.length >> 1] ?? 0 }
}

/** The times of writes followed by a sync, in milliseconds. The file is removed. */
async function timeWrites(directory: string, until: number, onWritten: (leftMs: number) => void): Promise<number[]> {
  const path = join(directory, `check-perf-${randomBytes(4).toString('hex')}`)
  const bytes = randomBytes(WRITE_BYTES)
  const times: number[] = []
  try {
    await makeDirectory(directory)
    const file = await open(path, 'wx')
    try {
      await file.write(Buffer.alloc(WRITE_BYTES * FILE_WRITES), 0, undefined, 0)
      await file.sync()
      for (let write = 0; write === 0 || performance.now() < until; write++) {
        const startedAt = performance.now()
        await file.write(bytes, 0, bytes.length, WRITE_BYTES * (write % FILE_WRITES))
        await file.datasync()
        times.push(performance.now() - startedAt)
        onWritten(until - performance.now())
        await wait(WRITE_PAUSE_MS)
      }
    } finally {
      await file.close()
    }
  } catch (cause) {
    throw storageError(cause, `measure the disk of ${directory}`)
  } finally {
    await rm(path, { force: true })
  }
  return times
}

/** How long connections take to open, or to be refused: one round trip each. */
async function timeConnections(address: string, until: number): Promise<number[]> {
  const times: number[] = []
  for (let attempt = 0; attempt === 0 || performance.now() < until; attempt++) {
    times.push(await timeConnection(address))
    await wait(CONNECT_PAUSE_MS)
  }
  return times
}

function timeConnection(address: string): Promise<number> {
  const colon = address.lastIndexOf(':')
  const host = address.slice(0, colon).replace(/^\[|\]$/g, '')
  return new Promise((resolve, reject) => {
    const startedAt = performance.now()
    const socket = connect({ host, port: Number(address.slice(colon + 1)), timeout: CONNECT_TIMEOUT_MS })
    const fail = (why: string): void => {
      socket.destroy()
      const hint = 'check the address and the firewall; something must listen there, or refuse'
      reject(new RaftError('ERR_RAFT_UNREACHABLE', `${address} does not answer: ${why}`, { hint }))
    }
    const done = (): void => {
      socket.destroy()
      resolve(performance.now() - startedAt)
    }
    socket.once('connect', done)
    socket.once('timeout', () => fail(`no connection within ${CONNECT_TIMEOUT_MS} ms`))
    socket.once('error', (error: NodeJS.ErrnoException) =>
      error.code === 'ECONNREFUSED' ? done() : fail(error.message),
    )
  })
}
