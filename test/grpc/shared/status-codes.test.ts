import assert from 'node:assert/strict'
import type { ServiceError } from '@grpc/grpc-js'
import { Metadata, status } from '@grpc/grpc-js'
import fc from 'fast-check'
import type { ErrorCode, RaftErrorOptions } from '../../../src/errors.ts'
import { ERROR_CODES, RaftError } from '../../../src/errors.ts'
import { errorFromFacts, factsOf } from '../../../src/grpc/shared/error-facts.ts'
import { fromStatus, STATUS_OF_CODE, toStatus } from '../../../src/grpc/shared/status-codes.ts'
import { factsOfFailure, failureOf } from '../../../src/grpc/shared/stream-frames.ts'

const codes = Object.keys(ERROR_CODES) as ErrorCode[]
const outcomes = ['not-applied', 'unknown', 'applied'] as const

/** What some client repeats without being told to. */
const repeatedByOthers = [status.UNAVAILABLE, status.RESOURCE_EXHAUSTED, status.ABORTED, status.DEADLINE_EXCEEDED]

describe('the gRPC status of an error', () => {
  it('exists for every code', () => {
    assert.deepEqual(Object.keys(STATUS_OF_CODE).sort(), [...codes].sort())
  })

  for (const [code, expected] of [
    ['ERR_RAFT_NOT_LEADER', status.UNAVAILABLE],
    ['ERR_RAFT_OUTCOME_UNKNOWN', status.UNKNOWN],
    ['ERR_RAFT_ENTRY_OVERWRITTEN', status.ABORTED],
    ['ERR_RAFT_OVERLOADED', status.RESOURCE_EXHAUSTED],
    ['ERR_RAFT_TOO_LARGE', status.INVALID_ARGUMENT],
    ['ERR_RAFT_UNSAFE_MEMBERSHIP', status.FAILED_PRECONDITION],
    ['ERR_RAFT_CORRUPT', status.DATA_LOSS],
    ['ERR_RAFT_TIMEOUT', status.DEADLINE_EXCEEDED],
  ] as const)
    it(`is ${status[expected]} for ${code}`, () => {
      assert.equal(toStatus(new RaftError(code, 'text')).code, expected)
    })

  it('is never one that others repeat, unless the call was surely not applied', () => {
    for (const code of codes)
      for (const outcome of ['unknown', 'applied'] as const) {
        const sent = toStatus(new RaftError(code, 'text', { outcome }))
        assert.ok(!repeatedByOthers.includes(sent.code), `${code}, ${outcome}: ${status[sent.code]}`)
      }
  })

  it('comes with the leader in trailers that any tool can read', () => {
    const leader = { id: 'n2', address: '127.0.0.1:7002', term: 7 }
    const { metadata } = toStatus(new RaftError('ERR_RAFT_NOT_LEADER', 'n2 leads', { leader }))
    assert.deepEqual(metadata.get('raft-leader-id'), ['n2'])
    assert.deepEqual(metadata.get('raft-leader-address'), ['127.0.0.1:7002'])
    assert.deepEqual(metadata.get('raft-leader-term'), ['7'])
    assert.deepEqual(metadata.get('grpc-retry-pushback-ms'), ['-1'], 'here it will fail again')
  })

  it('is UNKNOWN with the message for what is no error of ours', () => {
    const sent = toStatus(new TypeError('a bug'))
    assert.deepEqual([sent.code, sent.details], [status.UNKNOWN, 'unexpected: a bug'])
  })
})

describe('an error that travels', () => {
  for (const code of codes)
    it(`arrives as it left: ${code}`, () => {
      for (const outcome of outcomes) {
        const error = new RaftError(code, 'what happened', {
          outcome,
          retryable: outcome === 'not-applied',
          leader: { id: 'n2', address: 'b:2', term: 9 },
          hint: 'what to do',
          details: { size: 12, path: '/x', isLast: false },
        })
        for (const arrived of [overUnary(error), overStream(error)]) assert.deepEqual(facts(arrived), facts(error))
      }
    })

  it('arrives in its main facts, whatever text is in it', () =>
    fc.assert(
      fc.property(
        fc.constantFrom(...codes),
        errorOptions(),
        fc.string({ unit: 'binary', maxLength: 3000 }),
        (code, options, message) => {
          const error = new RaftError(code, message, options)
          for (const arrived of [overUnary(error), overStream(error)]) {
            assert.equal(arrived.code, error.code)
            assert.equal(arrived.outcome, error.outcome)
            assert.equal(arrived.retryable, error.retryable && error.outcome === 'not-applied')
          }
        },
      ),
    ))

  it('keeps its outcome when its code is of a newer version', () => {
    const failure = failureOf(factsOf(new RaftError('ERR_RAFT_CLOSED', 'text')))
    for (const [outcome, code] of [
      ['OUTCOME_NOT_APPLIED', 'ERR_RAFT_INTERNAL'],
      ['OUTCOME_UNKNOWN', 'ERR_RAFT_OUTCOME_UNKNOWN'],
      ['something else', 'ERR_RAFT_OUTCOME_UNKNOWN'],
    ]) {
      const error = errorFromFacts(factsOfFailure({ ...failure, code: 'ERR_RAFT_NEW', outcome: outcome as string }))
      assert.equal(error.code, code)
      assert.equal(error.details.code, 'ERR_RAFT_NEW')
      assert.match(error.message, /ERR_RAFT_NEW: text/)
    }
  })

  it('is never retryable unless it was surely not applied, whatever the other end says', () => {
    const failure = failureOf(factsOf(new RaftError('ERR_RAFT_OVERLOADED', 'text', { outcome: 'unknown' })))
    assert.equal(errorFromFacts(factsOfFailure({ ...failure, retryable: true })).retryable, false)
  })
})

describe('a status that is not ours', () => {
  for (const [code, fallback, expected] of [
    [status.UNAVAILABLE, 'not-applied', ['ERR_RAFT_UNREACHABLE', 'not-applied']],
    [status.UNAVAILABLE, 'unknown', ['ERR_RAFT_OUTCOME_UNKNOWN', 'unknown']],
    [status.DEADLINE_EXCEEDED, 'not-applied', ['ERR_RAFT_TIMEOUT', 'not-applied']],
    [status.DEADLINE_EXCEEDED, 'unknown', ['ERR_RAFT_OUTCOME_UNKNOWN', 'unknown']],
    [status.UNIMPLEMENTED, 'not-applied', ['ERR_RAFT_PROTOCOL', 'not-applied']],
    [status.RESOURCE_EXHAUSTED, 'not-applied', ['ERR_RAFT_PROTOCOL', 'not-applied']],
  ] as const)
    it(`means ${expected[0]} when it is ${status[code]} of a call that is else ${fallback}`, () => {
      const error = fromStatus(serviceError({ code, details: 'd', metadata: new Metadata() }), 'a:1', fallback)
      assert.deepEqual([error.code, error.outcome], expected)
    })

  it('gives no facts by details that are garbage, or of another domain', () =>
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const metadata = new Metadata()
        metadata.set('grpc-status-details-bin', Buffer.from(bytes))
        const error = fromStatus(serviceError({ code: status.INTERNAL, details: 'd', metadata }), 'a:1', 'unknown')
        assert.equal(error.code, 'ERR_RAFT_OUTCOME_UNKNOWN')
      }),
    ))
})

function overUnary(error: RaftError): RaftError {
  return fromStatus(serviceError(toStatus(error)), 'a:1', 'unknown')
}

function overStream(error: RaftError): RaftError {
  return errorFromFacts(factsOfFailure(failureOf(factsOf(error))))
}

function serviceError(sent: Pick<ServiceError, 'code' | 'details' | 'metadata'>): ServiceError {
  return Object.assign(new Error(sent.details), sent)
}

function facts({ code, message, outcome, retryable, leader, hint, details }: RaftError): object {
  return { code, message, outcome, retryable, leader, hint, details }
}

function errorOptions(): fc.Arbitrary<RaftErrorOptions> {
  const text = fc.string({ unit: 'binary' })
  const option = <Value>(value: fc.Arbitrary<Value>) => fc.option(value, { nil: undefined })
  return fc.record({
    outcome: option(fc.constantFrom(...outcomes)),
    retryable: option(fc.boolean()),
    hint: option(text),
    leader: option(fc.record({ id: text, address: option(text), term: option(fc.maxSafeNat()) })),
    details: option(fc.dictionary(text, fc.oneof(text, fc.double(), fc.boolean()))),
  })
}
