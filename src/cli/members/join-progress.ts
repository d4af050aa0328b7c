/** How far a new member is: from its start over the snapshot and the log to a voter, as the status of the cluster shows it. */
import { formatBytes } from '../format-bytes.ts'
import type { StatusReport } from '../status/status-report.ts'

export type JoinStage = 'not connected' | 'snapshot' | 'log' | 'caught up' | 'voter'

export interface JoinProgress {
  readonly stage: JoinStage
  /** Of the snapshot, while it is being fetched. */
  readonly bytes: number | undefined
  readonly size: number | undefined
  /** Entries that it has not stored, and stored ones that it has not applied; undefined without a leader, or before it is connected. */
  readonly behind: number | undefined
}

/** A member is shown as caught up once it lacks no more than this many entries, as `caughtUpEntries` of the nodes is by default. The leader decides. */
const CAUGHT_UP_ENTRIES = 1000

export function joinProgress(report: StatusReport, id: string): JoinProgress {
  const node = report.nodes.find((each) => each.id === id)
  const { fetching, lag, applyLag = 0, kind, silentMs, peerState } = node ?? {}
  const isConnected = silentMs !== undefined && peerState !== undefined
  const behind = isConnected && lag !== undefined ? lag + applyLag : undefined
  return { stage: stageOf(), bytes: fetching?.bytes, size: fetching?.size, behind }

  function stageOf(): JoinStage {
    if (kind === 'voter') return 'voter'
    if (!isConnected) return 'not connected'
    if (fetching !== undefined || peerState === 'snapshot') return 'snapshot'
    return behind !== undefined && behind <= CAUGHT_UP_ENTRIES ? 'caught up' : 'log'
  }
}

/** What was done of a stage, how fast, and how long the rest takes. */
export interface Measured {
  /** From 0 to 1. */
  readonly done: number
  /** Bytes or entries per second since the stage began; undefined until there is a difference. */
  readonly rate?: number
  /** Seconds that the rest takes at that rate. */
  readonly leftS?: number
}

/** Measures what is left, and how fast it shrinks. */
export class JoinRate {
  #stage: JoinStage | undefined
  #startedAt = 0
  #first = 0

  measure(now: number, { stage, bytes, size, behind }: JoinProgress): Measured {
    const left = stage === 'snapshot' ? (size ?? 0) - (bytes ?? 0) : (behind ?? 0)
    if (stage !== this.#stage || left > this.#first) {
      this.#stage = stage
      this.#startedAt = now
      this.#first = left
    }
    if (stage === 'caught up' || stage === 'voter') return { done: 1 }
    const seconds = (now - this.#startedAt) / 1000
    if (seconds <= 0 || left >= this.#first) return { done: 0 }
    const rate = (this.#first - left) / seconds
    return { done: 1 - left / this.#first, rate, leftS: left / rate }
  }
}

/** One line of text. */
export function formatProgress(id: string, progress: JoinProgress, measured: Partial<Measured> = {}): string {
  const { rate, leftS } = measured
  const { stage, bytes = 0, size = 0, behind } = progress
  const about = (unit: (rate: number) => string): string =>
    rate === undefined || leftS === undefined ? '' : `, ${unit(rate)}/s, about ${Math.ceil(leftS)} s left`
  switch (stage) {
    case 'not connected':
      return `${id} is not connected to the leader: start it`
    case 'snapshot': {
      const done = size === 0 ? 0 : Math.floor((100 * bytes) / size)
      return `${id} fetches the snapshot: ${done} % of ${formatBytes(size)}${about(formatBytes)}`
    }
    case 'log':
      return `${id} is ${behind ?? 0} entries behind${about((value) => `${Math.round(value)} entries`)}`
    case 'caught up':
      return `${id} has caught up`
    case 'voter':
      return `${id} is a voter`
  }
}
