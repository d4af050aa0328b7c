/** Compares the disks of the voters. A disk is slow only if another one is much faster, so that leadership stays if all are slow. */
import type { Progress } from '../replication/progress.ts'
import type { LeaderState, RaftState } from '../state.ts'

/** The followers that vote and responded recently. */
export function respondingVoters(state: RaftState, leader: LeaderState): readonly Progress[] {
  return [...leader.progress.values()].filter(
    ({ id, hasResponded, lastContactAt }) =>
      state.membership.voters.includes(id) &&
      hasResponded &&
      state.now - lastContactAt < state.options.electionTimeoutMinMs,
  )
}

/** Whether durable writes that take `writeMs` are slow compared with those of another disk, which take `otherMs`. */
export function isDiskSlow({ options }: RaftState, writeMs: number, otherMs: number): boolean {
  const { slowDiskMs, slowDiskFactor } = options
  return slowDiskMs > 0 && writeMs >= slowDiskMs && writeMs >= slowDiskFactor * otherMs
}

/** How long durable writes take on the fastest disk of this leader and the voters that respond. */
export function fastestWriteMs(state: RaftState, leader: LeaderState): number {
  return Math.min(state.writeMs, ...respondingVoters(state, leader).map(({ writeMs }) => writeMs))
}

/** The voter with the fastest disk, and of equal ones that with the highest match index; undefined if the leader's disk is not slow compared with it. */
export function fasterVoter(state: RaftState, voters: readonly Progress[]): Progress | undefined {
  const [fastest] = voters.toSorted((a, b) => a.writeMs - b.writeMs || b.matchIndex - a.matchIndex)
  return fastest !== undefined && isDiskSlow(state, state.writeMs, fastest.writeMs) ? fastest : undefined
}

/** Why no voter takes over from this leader, whose disk is slow. */
export function describeDisks(state: RaftState, leader: LeaderState): string {
  const times = respondingVoters(state, leader).map(({ id, writeMs }) => `${id} ${writeMs} ms`)
  const others = times.length === 0 ? 'no other voter is responding' : times.join(', ')
  return `no voter that can lead has a disk ${state.options.slowDiskFactor} times as fast (a durable write takes ${state.writeMs} ms on ${state.id}; ${others})`
}
