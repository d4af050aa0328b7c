/** What the core's answers mean to a caller: each rejection as a RaftError that says what happened, and what to do. */
import type { Rejection } from '../core/effects.ts'
import type { NodeId } from '../core/types.ts'
import type { ErrorCode, LeaderHint, RaftErrorOptions } from '../errors.ts'
import { RaftError } from '../errors.ts'

/** What was asked for, as it is called in messages. */
export type Asked = 'proposal' | 'read' | 'membership change' | 'leadership transfer' | 'snapshot'

/** Where a node can be reached, as this one knows. */
export type LeaderOf = (id: NodeId | undefined) => LeaderHint | undefined

/** The error for a rejection: in every case the thing asked for has surely not happened. */
export function errorOf(rejection: Rejection, asked: Asked, leaderOf: LeaderOf): RaftError {
  const refused = (code: ErrorCode, why: string, options: RaftErrorOptions = {}): RaftError =>
    new RaftError(code, `the ${asked} was refused: ${why}`, { outcome: 'not-applied', ...options })
  switch (rejection.reason) {
    case 'not-leader': {
      const leader = leaderOf(rejection.leader)
      if (leader === undefined) return refused('ERR_RAFT_NO_LEADER', 'no leader is known', { hint: RETRY })
      const address = leader.address === undefined ? '' : ` at ${leader.address}`
      return refused('ERR_RAFT_NOT_LEADER', `the leader is ${leader.id}${address}`, { leader, hint: 'ask the leader' })
    }
    case 'no-leader':
      return refused('ERR_RAFT_NO_LEADER', 'no leader is known', { leader: leaderOf(rejection.leader), hint: RETRY })
    case 'leadership-lost': {
      const code = asked === 'read' ? 'ERR_RAFT_READ_FAILED' : 'ERR_RAFT_NO_LEADER'
      return refused(code, 'leadership was lost on the way', { leader: leaderOf(rejection.leader), hint: RETRY })
    }
    case 'transferring':
      return refused('ERR_RAFT_LEADER_TRANSFERRING', `leadership is being handed over to ${rejection.to}`, {
        leader: leaderOf(rejection.to),
        hint: RETRY,
      })
    case 'leader-not-ready':
      return refused('ERR_RAFT_LEADER_NOT_READY', 'the new leader has not yet committed anything in its term', {
        hint: RETRY,
      })
    case 'overloaded':
      return overloaded(`the ${asked} was refused`, rejection.limit, rejection.value, rejection.max)
    case 'change-in-progress':
      return refused('ERR_RAFT_CHANGE_IN_PROGRESS', `the change at index ${rejection.index} is not finished`, {
        hint: 'wait until it is committed',
        details: { index: rejection.index },
      })
    case 'learner-not-ready':
      return refused('ERR_RAFT_LEARNER_NOT_READY', `${rejection.peer} lags ${rejection.lag} entries behind`, {
        hint: 'wait until it has caught up, or let it be promoted by itself',
        details: { peer: rejection.peer, lag: rejection.lag },
      })
    case 'bad-change':
      return refused('ERR_RAFT_BAD_CHANGE', rejection.detail)
    case 'unsafe-change':
      return refused('ERR_RAFT_UNSAFE_MEMBERSHIP', rejection.detail)
    case 'bad-target':
      return refused('ERR_RAFT_BAD_TARGET', rejection.detail)
    case 'timed-out':
      return refused(asked === 'read' ? 'ERR_RAFT_READ_FAILED' : 'ERR_RAFT_TIMEOUT', 'no answer came in time', {
        hint: RETRY,
      })
    case 'stopped':
      return refused('ERR_RAFT_CLOSED', `this node has stopped: ${rejection.detail}`)
  }
}

const RETRY = 'try again shortly'

export function overloaded(what: string, limit: string, value: number, max: number): RaftError {
  return new RaftError('ERR_RAFT_OVERLOADED', `${what}: ${limit} is ${max}, and this would make it ${value}`, {
    hint: 'wait for earlier ones to finish, and try again',
    details: { limit, value, max },
  })
}

/** The call ended before its fate was known; it may still happen. */
export function outcomeUnknown(asked: Asked, why: string, cause?: unknown): RaftError {
  return new RaftError('ERR_RAFT_OUTCOME_UNKNOWN', `the ${asked} may or may not take effect: ${why}`, {
    hint: 'read back before trying again, or make it harmless to repeat',
    cause,
  })
}

/** The call ended before the core ever heard of it. */
export function notBegun(asked: Asked, why: string, code: ErrorCode, cause?: unknown): RaftError {
  return new RaftError(code, `the ${asked} was not begun: ${why}`, { outcome: 'not-applied', cause })
}

/** This node is no member any more, and cannot become one again with what it has on disk. */
export function removed(id: NodeId, how: string, details: RaftErrorOptions['details'] = {}): RaftError {
  return new RaftError('ERR_RAFT_REMOVED', `${id} was removed from the cluster: ${how}`, {
    hint: 'to bring it back, give it a new data directory and add it as a new member',
    details,
  })
}

/** Something broke that never may. */
export function internalError(cause: unknown): RaftError {
  const thrown = cause instanceof Error ? (cause.stack ?? cause.message) : String(cause)
  return new RaftError('ERR_RAFT_INTERNAL', `a bug in quorate: ${thrown}`, {
    hint: 'please report it, with the events before it',
    cause,
  })
}
