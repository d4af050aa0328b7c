/** Errors as they are printed, and the exit codes they end with. */
import assert from 'node:assert/strict'
import { CommandFailure } from '../../src/cli/command-failure.ts'
import { errorJson, errorText } from '../../src/cli/error-text.ts'
import { exitCodeOfCommand, exitCodeOfNode } from '../../src/cli/exit-codes.ts'
import type { ErrorCode } from '../../src/errors.ts'
import { ERROR_CODES, RaftError } from '../../src/errors.ts'

describe('an error on the command line', () => {
  it('says what, where to go on, and where to read on', () => {
    const error = new RaftError('ERR_RAFT_OUTCOME_UNKNOWN', 'no answer within 5 ms', {
      hint: 'read back',
      leader: { id: 'n2', address: 'b:2' },
    })
    assert.equal(
      errorText(error, 'command'),
      [
        'error[ERR_RAFT_OUTCOME_UNKNOWN]: no answer within 5 ms',
        '  outcome: unknown: it may or may not have been applied; read back before trying again',
        '  leader:  n2 at b:2',
        '  hint:    read back',
        '  docs:    docs/reference/errors.md#err_raft_outcome_unknown',
        '',
      ].join('\n'),
    )
  })

  it('of a node says nothing of outcomes: nobody has asked it anything', () => {
    assert.doesNotMatch(errorText(new RaftError('ERR_RAFT_CORRUPT', 'damaged'), 'node'), /outcome/)
  })

  it('is one line of JSON for a program', () => {
    const { schema, exitCode, error } = JSON.parse(errorJson(new RaftError('ERR_RAFT_TOO_LARGE', 'too large'), 1))
    assert.deepEqual(
      [schema, exitCode, error.code, error.outcome],
      ['quorate.error/v1', 1, 'ERR_RAFT_TOO_LARGE', 'not-applied'],
    )
  })

  it('that is an ordinary failure is told to a program without a stack', () => {
    const { error } = JSON.parse(errorJson(new CommandFailure('there is no key', { hint: 'make one' }), 1))
    assert.deepEqual(error, { message: 'there is no key', hint: 'make one' })
  })

  it('that is no RaftError shows its stack: it is a bug', () => {
    assert.match(errorText(new TypeError('x is undefined'), 'command'), /error: TypeError: x is undefined\n +at /)
  })

  for (const { code, ofCommand, ofNode } of [
    { code: 'ERR_RAFT_OPTIONS', ofCommand: 2, ofNode: 78 },
    { code: 'ERR_RAFT_UNREACHABLE', ofCommand: 3, ofNode: 75 },
    { code: 'ERR_RAFT_NO_LEADER', ofCommand: 4, ofNode: 70 },
    { code: 'ERR_RAFT_UNSAFE_MEMBERSHIP', ofCommand: 5, ofNode: 70 },
    { code: 'ERR_RAFT_OUTCOME_UNKNOWN', ofCommand: 7, ofNode: 70 },
    { code: 'ERR_RAFT_TOO_LARGE', ofCommand: 1, ofNode: 70 },
    { code: 'ERR_RAFT_PORT_IN_USE', ofCommand: 1, ofNode: 75 },
    { code: 'ERR_RAFT_DATA_DIR_LOCKED', ofCommand: 1, ofNode: 75 },
    { code: 'ERR_RAFT_STORAGE', ofCommand: 7, ofNode: 74 },
    { code: 'ERR_RAFT_CORRUPT', ofCommand: 7, ofNode: 78 },
    { code: 'ERR_RAFT_DIRECTORY_MISMATCH', ofCommand: 1, ofNode: 78 },
    { code: 'ERR_RAFT_APPLY', ofCommand: 7, ofNode: 70 },
  ] as const satisfies readonly { code: ErrorCode; ofCommand: number; ofNode: number }[])
    it(`ends a command with ${ofCommand} and a node with ${ofNode} for ${code}`, () => {
      const error = new RaftError(code, 'so it is')
      assert.deepEqual([exitCodeOfCommand(error), exitCodeOfNode(error)], [ofCommand, ofNode])
    })

  it('of a cluster never ends a command with 7 when it was surely not applied', () => {
    for (const code of Object.keys(ERROR_CODES) as ErrorCode[])
      assert.notEqual(exitCodeOfCommand(new RaftError(code, 'so it is', { outcome: 'not-applied' })), 7)
  })
})
