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

/** Statuses that gRPC clients may retry automatically. */
const retriedAutomatically = [status.UNAVAILABLE, status.RESOURCE_EXHAUSTED, status.ABORTED, status.DEADLINE_EXCEEDED]

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

  it('is never one that gRPC clients retry unless the call was definitely not applied', () => {
    for (const code of codes)
      for (const outcome of ['unknown', 'applied'] as const) {
        const sent = toStatus(new RaftError(code, 'text', { outcome }))
        assert.ok(!retriedAutomatically.includes(sent.code), `${code}, ${outcome}: ${status[sent.code]}`)
      }
  })

  it('comes with the leader in ASCII trailers', () => {
    const leader = { id: 'n2', address: '127.0.0.1:7002', term: 7 }
    const { metadata } = toStatus(new RaftError('ERR_RAFT_NOT_LEADER', 'n2 leads', { leader }))
    assert.deepEqual(metadata.get('raft-leader-id'), ['n2'])
    assert.deepEqual(metadata.get('raft-leader-address'), ['127.0.0.1:7002'])
    assert.deepEqual(metadata.get('raft-leader-term'), ['7'])
    assert.deepEqual(metadata.get('grpc-retry-pushback-ms'), ['-1'], 'a retry at this address would fail again')
  })

  it('is UNKNOWN with the message for an error that is not a RaftError', () => {
    const sent = toStatus(new TypeError('a bug'))
    assert.deepEqual([sent.code, sent.details], [status.UNKNOWN, 'unexpected error: a bug'])
  })
})

describe('an error sent to a client', () => {
  for (const code of codes)
    it(`keeps all its facts: ${code}`, () => {
      for (const outcome of outcomes) {
        const error = new RaftError(code, 'what happened', {
          outcome,
          retryable: outcome === 'not-applied',
          leader: { id: 'n2', address: 'b:2', term: 9 },
          hint: 'what to do',
          details: { size: 12, path: '/x', isLast: false },
        })
        for (const received of [throughStatus(error), throughStream(error)])
          assert.deepEqual(facts(received), facts(error))
      }
    })

  it('keeps code, outcome and retryable whatever its texts contain', () =>
    fc.assert(
      fc.property(
        fc.constantFrom(...codes),
        errorOptions(),
        fc.string({ unit: 'binary', maxLength: 3000 }),
        (code, options, message) => {
          const error = new RaftError(code, message, options)
          for (const received of [throughStatus(error), throughStream(error)]) {
            assert.equal(received.code, error.code)
            assert.equal(received.outcome, error.outcome)
            assert.equal(received.retryable, error.retryable && error.outcome === 'not-applied')
          }
        },
      ),
    ))

  it('keeps its outcome if its code is unknown to this version', () => {
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

  it('is not retryable unless its outcome is not-applied, even if the server claims so', () => {
    const failure = failureOf(factsOf(new RaftError('ERR_RAFT_OVERLOADED', 'text', { outcome: 'unknown' })))
    assert.equal(errorFromFacts(factsOfFailure({ ...failure, retryable: true })).retryable, false)
  })
})

describe('a gRPC status without details of a RaftError', () => {
  for (const [code, fallback, expected] of [
    [status.UNAVAILABLE, 'not-applied', ['ERR_RAFT_UNREACHABLE', 'not-applied']],
    [status.UNAVAILABLE, 'unknown', ['ERR_RAFT_OUTCOME_UNKNOWN', 'unknown']],
    [status.DEADLINE_EXCEEDED, 'not-applied', ['ERR_RAFT_TIMEOUT', 'not-applied']],
    [status.DEADLINE_EXCEEDED, 'unknown', ['ERR_RAFT_OUTCOME_UNKNOWN', 'unknown']],
    [status.UNIMPLEMENTED, 'not-applied', ['ERR_RAFT_PROTOCOL', 'not-applied']],
    [status.RESOURCE_EXHAUSTED, 'not-applied', ['ERR_RAFT_PROTOCOL', 'not-applied']],
  ] as const)
    it(`becomes ${expected[0]} for ${status[code]} with fallback ${fallback}`, () => {
      const error = fromStatus(serviceError({ code, details: 'd', metadata: new Metadata() }), 'a:1', fallback)
      assert.deepEqual([error.code, error.outcome], expected)
    })

  it('becomes ERR_RAFT_OUTCOME_UNKNOWN whatever bytes its details contain', () =>
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const metadata = new Metadata()
        metadata.set('grpc-status-details-bin', Buffer.from(bytes))
        const error = fromStatus(serviceError({ code: status.INTERNAL, details: 'd', metadata }), 'a:1', 'unknown')
        assert.equal(error.code, 'ERR_RAFT_OUTCOME_UNKNOWN')
      }),
    ))
})

function throughStatus(error: RaftError): RaftError {
  return fromStatus(serviceError(toStatus(error)), 'a:1', 'unknown')
}

function throughStream(error: RaftError): RaftError {
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
