/** The errors of calls on a node: each rejection of the core as a RaftError with a hint on what to do. */
import type { Rejection, UnfitVoter } from '../../core/effects.ts'
import type { RaftEvent } from '../../core/events.ts'
import type { NodeId } from '../../core/types.ts'
import type { ErrorCode, LeaderHint, RaftErrorOptions } from '../../errors.ts'
import { RaftError } from '../../errors.ts'

/** The name of an operation in messages. */
export type Operation = 'proposal' | 'read' | 'membership change' | 'leadership transfer' | 'snapshot' | 'snapshot read'

/** Returns the address and term of a leader, as far as this node knows them. */
export type LeaderHintOf = (id: NodeId | undefined) => LeaderHint | undefined

/** The error for a rejection by the core: the operation certainly has no effect. */
export function rejectionError(rejection: Rejection, operation: Operation, leaderHintOf: LeaderHintOf): RaftError {
  const rejected = (code: ErrorCode, why: string, options: RaftErrorOptions = {}): RaftError =>
    new RaftError(code, `the ${operation} was rejected: ${why}`, { outcome: 'not-applied', ...options })
  switch (rejection.reason) {
    case 'not-leader': {
      const leader = leaderHintOf(rejection.leader)
      if (leader === undefined) return rejected('ERR_RAFT_NO_LEADER', 'no leader is known', { hint: RETRY_HINT })
      const address = leader.address === undefined ? '' : ` at ${leader.address}`
      return rejected('ERR_RAFT_NOT_LEADER', `the leader is ${leader.id}${address}`, {
        leader,
        hint: 'send it to the leader',
      })
    }
    case 'no-leader':
      return rejected('ERR_RAFT_NO_LEADER', 'no leader is known', {
        leader: leaderHintOf(rejection.leader),
        hint: RETRY_HINT,
      })
    case 'leader-unreachable':
      return rejected('ERR_RAFT_NO_LEADER', `this node has no connection to the leader ${rejection.leader}`, {
        leader: leaderHintOf(rejection.leader),
        hint: RETRY_HINT,
      })
    case 'no-space': {
      const { freeBytes, neededBytes } = rejection
      const why = `the disk of the leader is nearly full: ${freeBytes} bytes are free, ${neededBytes} are required`
      return rejected('ERR_RAFT_NO_SPACE', why, {
        hint: 'free disk space on a voter; writes resume automatically',
        details: { freeBytes, neededBytes },
      })
    }
    case 'other-term':
      return rejected('ERR_RAFT_OTHER_TERM', `it expects another term than ${rejection.term}`, {
        leader: leaderHintOf(rejection.leader),
        hint: 'the leadership that it belongs to has ended: stop its work',
        details: { term: rejection.term },
      })
    case 'leadership-lost': {
      const code = operation === 'read' ? 'ERR_RAFT_READ_FAILED' : 'ERR_RAFT_NO_LEADER'
      return rejected(code, 'leadership was lost before it was confirmed', {
        leader: leaderHintOf(rejection.leader),
        hint: RETRY_HINT,
      })
    }
    case 'transferring':
      return rejected('ERR_RAFT_LEADER_TRANSFERRING', `leadership is being transferred to ${rejection.to}`, {
        leader: leaderHintOf(rejection.to),
        hint: RETRY_HINT,
      })
    case 'leader-not-ready':
      return rejected('ERR_RAFT_LEADER_NOT_READY', 'the new leader has not yet committed anything in its term', {
        hint: RETRY_HINT,
      })
    case 'overloaded':
      return overloadedError(`the ${operation} was rejected`, rejection.limit, rejection.value, rejection.max)
    case 'change-in-progress':
      return rejected('ERR_RAFT_CHANGE_IN_PROGRESS', `the change at index ${rejection.index} is not finished`, {
        hint: 'wait until it is committed',
        details: { index: rejection.index },
      })
    case 'membership-changed':
      return rejected('ERR_RAFT_MEMBERSHIP_CHANGED', `the membership is that of index ${rejection.index} by now`, {
        hint: 'read the membership again, and decide again',
        details: { index: rejection.index },
      })
    case 'learner-not-ready': {
      const { peer, lag, applyLag } = rejection
      const why = `${peer} is ${lag} entries behind, and has ${applyLag} committed ones still to apply`
      return rejected('ERR_RAFT_LEARNER_NOT_READY', why, {
        hint: 'wait until it has caught up, or add it with promote: true',
        details: { peer, lag, applyLag },
      })
    }
    case 'learner-out-of-reach':
      return rejected('ERR_RAFT_LEARNER_NOT_READY', `the leader does not reach ${rejection.peer} at its address`, {
        hint: `correct its address with: quorate member update ${rejection.peer} HOST:PORT`,
        details: { peer: rejection.peer },
      })
    case 'bad-change':
      return rejected('ERR_RAFT_BAD_CHANGE', rejection.detail, {
        hint: 'look at the members, then correct the change: quorate member list',
      })
    case 'unsafe-change':
      return rejected('ERR_RAFT_UNSAFE_MEMBERSHIP', rejection.detail)
    case 'bad-target':
      return rejected('ERR_RAFT_BAD_TARGET', rejection.detail, {
        hint: 'look at the voters and their state: quorate status',
      })
    case 'unfit-target': {
      const [first, ...others] = rejection.unfit
      return rejected('ERR_RAFT_BAD_TARGET', rejection.unfit.map(describeUnfit).join('; '), {
        hint: 'choose another voter, fix the cause, or force the transfer',
        details: others.length > 0 || first === undefined ? {} : unfitDetails(first),
      })
    }
    case 'timed-out':
      return rejected(
        operation === 'read' ? 'ERR_RAFT_READ_FAILED' : 'ERR_RAFT_TIMEOUT',
        'no response arrived in time',
        {
          hint: RETRY_HINT,
        },
      )
    case 'stopped':
      return rejected('ERR_RAFT_CLOSED', `this node has stopped: ${rejection.detail}`)
  }
}

function unfitDetails({ peer, shortage, applyLag, writeMs }: UnfitVoter): RaftErrorOptions['details'] {
  return { peer, applyLag, ...shortage, ...(writeMs > 0 ? { writeMs } : {}) }
}

function describeUnfit({ peer, shortage, applyLag, writeMs }: UnfitVoter): string {
  const causes = []
  if (shortage !== undefined)
    causes.push(`is short of disk space (${shortage.freeBytes} bytes are free, ${shortage.neededBytes} are required)`)
  if (applyLag > 0) causes.push(`has ${applyLag} committed entries still to apply`)
  if (writeMs > 0) causes.push(`has a slow disk (${writeMs} ms per durable write)`)
  return `${peer} ${causes.join(' and ')}`
}

const RETRY_HINT = 'try again shortly'

export function overloadedError(what: string, limit: string, value: number, max: number): RaftError {
  return new RaftError('ERR_RAFT_OVERLOADED', `${what}: ${limit} is ${max}, and this would make it ${value}`, {
    hint: 'wait until earlier calls finish, then try again',
    details: { limit, value, max },
  })
}

/** The call ended before its outcome was known: it may still take effect. */
export function outcomeUnknownError(operation: Operation, why: string, cause?: unknown): RaftError {
  return new RaftError('ERR_RAFT_OUTCOME_UNKNOWN', `the ${operation} may or may not take effect: ${why}`, {
    hint: UNKNOWN_HINTS[operation],
    cause,
  })
}

const READ_STATE_HINT = 'read the state before trying again, or make the operation idempotent'

const UNKNOWN_HINTS: Record<Operation, string> = {
  proposal: READ_STATE_HINT,
  read: READ_STATE_HINT,
  'snapshot read': READ_STATE_HINT,
  'membership change': 'look at the members with: quorate status; the change may still be in progress',
  'leadership transfer': 'look who leads with: quorate status',
  snapshot: 'it may still be being written: take it again, which waits for that one, and allow more time',
}

/** The caller did not get the bytes of a snapshot in time. */
export function unfinishedReadError(why: string, code: ErrorCode, cause?: unknown): RaftError {
  return new RaftError(code, `the snapshot was not read: ${why}`, { outcome: 'not-applied', cause })
}

/** The call ended before it was passed to the core: it certainly has no effect. */
export function notStartedError(operation: Operation, why: string, code: ErrorCode, cause?: unknown): RaftError {
  return new RaftError(code, `the ${operation} was not started: ${why}`, { outcome: 'not-applied', cause })
}

/** The node was removed from the membership. It cannot rejoin with its old data directory. The message is part of `status.stopped`. */
export function removedError(id: NodeId, how: string, details: RaftErrorOptions['details'] = {}): RaftError {
  return new RaftError('ERR_RAFT_REMOVED', `${id} was removed from the cluster: ${how}`, {
    hint: 'to bring it back, give it a new data directory and add it as a new member',
    details,
  })
}

/** Committed data was lost or forked, or one of two logs is damaged: this node and the leader hold different entries at an index. */
export function divergedError(id: NodeId, event: Extract<RaftEvent, { type: 'diverged' }>): RaftError {
  const { from, index, agreedIndex, commitIndex, ownTerm, leaderTerm, chains } = event
  const first = chains === undefined ? index : agreedIndex + 1
  const why =
    chains === undefined
      ? `entry ${index} is committed on ${id} in term ${ownTerm}, but the leader ${from} holds an entry of term ${leaderTerm} there`
      : `the contents of the entries from ${first} to ${index} differ between ${id} (hash chain ${chains.own ?? 'none'}) and the leader ${from} ` +
        `(${chains.leader}), although their terms are equal; ${id} knows that ${commitIndex} is committed`
  const cause = chains === undefined ? 'a disk went back in time' : 'a disk or memory changed an entry'
  return new RaftError('ERR_RAFT_DIVERGED', `${why}: acknowledged writes from index ${first} on may be lost`, {
    hint:
      `${cause}, or a directory was used twice. Keep all data directories, find out which log has the acknowledged ` +
      'writes, and replace the other members',
    details: { leader: from, index, firstIndex: first, commitIndex, ownTerm, leaderTerm },
  })
}

export function otherStateError(id: NodeId, { index, leader }: Extract<RaftEvent, { type: 'otherState' }>): RaftError {
  const who =
    leader === undefined ? 'most voters have the same one' : `the leader ${leader} and most voters have the same one`
  return new RaftError(
    'ERR_RAFT_DIVERGED',
    `the state machine of ${id} has another state after entry ${index} than a majority, although the entries are equal: ${who}`,
    {
      hint:
        'apply() is not deterministic, this node runs another release of it, or its memory or disk is damaged. Find out which; then ' +
        'replace the member: it gets the state of the others',
      details: { index, leader: leader ?? id },
    },
  )
}

/** A bug: an invariant of this library is broken. */
export function internalError(cause: unknown): RaftError {
  const thrown = cause instanceof Error ? (cause.stack ?? cause.message) : String(cause)
  return new RaftError('ERR_RAFT_INTERNAL', `a bug in quorate: ${thrown}`, {
    hint: 'please report it with the preceding events',
    cause,
  })
}
