/** Tests of printed errors and of exit codes. */
import assert from 'node:assert/strict'
import { CommandFailure } from '../../src/cli/command-failure.ts'
import { errorJson, errorText, pathFrom } from '../../src/cli/error-text.ts'
import { exitCodeOfCommand, exitCodeOfNode } from '../../src/cli/exit-codes.ts'
import type { ErrorCode } from '../../src/errors.ts'
import { ERROR_CODES, RaftError } from '../../src/errors.ts'

describe('an error on the command line', () => {
  it('has the message, outcome, leader, hint and documentation link', () => {
    const error = new RaftError('ERR_RAFT_OUTCOME_UNKNOWN', 'no answer within 5 ms', {
      hint: 'read back',
      leader: { id: 'n2', address: 'b:2' },
    })
    assert.equal(
      errorText(error, 'command'),
      [
        'error[ERR_RAFT_OUTCOME_UNKNOWN]: no answer within 5 ms',
        '  outcome: unknown: it may or may not have been applied; read the value before you retry',
        '  leader:  n2 at b:2',
        '  hint:    read back',
        '  docs:    docs/reference/errors.md#err_raft_outcome_unknown',
        '',
      ].join('\n'),
    )
  })

  it('links the page where it is, if the package is installed', () => {
    const file = 'docs/reference/errors.md#err_raft_closed'
    const installed = '/srv/app/node_modules/quorate'
    assert.equal(pathFrom('/srv/app', installed, file), `node_modules/quorate/${file}`)
    assert.equal(pathFrom('/elsewhere', installed, file), `${installed}/${file}`)
    assert.equal(pathFrom('/elsewhere', '/srv/quorate', file), file)
  })

  it('has no outcome if the node itself failed, because there was no call', () => {
    assert.doesNotMatch(errorText(new RaftError('ERR_RAFT_CORRUPT', 'damaged'), 'node'), /outcome/)
  })

  it('is one line of JSON with --output json', () => {
    const { schema, exitCode, error } = JSON.parse(errorJson(new RaftError('ERR_RAFT_TOO_LARGE', 'too large'), 1))
    assert.deepEqual(
      [schema, exitCode, error.code, error.outcome],
      ['quorate.error/v1', 1, 'ERR_RAFT_TOO_LARGE', 'not-applied'],
    )
  })

  it('has no stack in JSON if it is a CommandFailure', () => {
    const { error } = JSON.parse(errorJson(new CommandFailure('there is no key', { hint: 'make one' }), 1))
    assert.deepEqual(error, { message: 'there is no key', hint: 'make one' })
  })

  it('has a stack if it is not a RaftError, because that is a bug', () => {
    assert.match(errorText(new TypeError('x is undefined'), 'command'), /error: TypeError: x is undefined\n +at /)
  })

  for (const { code, ofCommand, ofNode } of [
    { code: 'ERR_RAFT_OPTIONS', ofCommand: 2, ofNode: 78 },
    { code: 'ERR_RAFT_UNREACHABLE', ofCommand: 3, ofNode: 75 },
    { code: 'ERR_RAFT_NO_LEADER', ofCommand: 4, ofNode: 70 },
    { code: 'ERR_RAFT_UNSAFE_MEMBERSHIP', ofCommand: 5, ofNode: 70 },
    { code: 'ERR_RAFT_NOTHING_APPLIED', ofCommand: 5, ofNode: 70 },
    { code: 'ERR_RAFT_OUTCOME_UNKNOWN', ofCommand: 7, ofNode: 70 },
    { code: 'ERR_RAFT_TOO_LARGE', ofCommand: 1, ofNode: 70 },
    { code: 'ERR_RAFT_PORT_IN_USE', ofCommand: 1, ofNode: 75 },
    { code: 'ERR_RAFT_DATA_DIR_LOCKED', ofCommand: 1, ofNode: 75 },
    { code: 'ERR_RAFT_STORAGE', ofCommand: 7, ofNode: 74 },
    { code: 'ERR_RAFT_CORRUPT', ofCommand: 7, ofNode: 78 },
    { code: 'ERR_RAFT_DIRECTORY_MISMATCH', ofCommand: 1, ofNode: 78 },
    { code: 'ERR_RAFT_APPLY', ofCommand: 7, ofNode: 70 },
  ] as const satisfies readonly { code: ErrorCode; ofCommand: number; ofNode: number }[])
    it(`exits a command with ${ofCommand} and a node with ${ofNode} for ${code}`, () => {
      const error = new RaftError(code, 'text')
      assert.deepEqual([exitCodeOfCommand(error), exitCodeOfNode(error)], [ofCommand, ofNode])
    })

  it('never exits with 7 if its outcome is not-applied', () => {
    for (const code of Object.keys(ERROR_CODES) as ErrorCode[])
      assert.notEqual(exitCodeOfCommand(new RaftError(code, 'text', { outcome: 'not-applied' })), 7)
  })
})
