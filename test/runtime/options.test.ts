import assert from 'node:assert/strict'
import manifest from '../../package.json' with { type: 'json' }
import { RAFT_DEFAULTS } from '../../src/core/options.ts'
import type { RaftError } from '../../src/errors.ts'
import { OPTION_CHECKS, RUNTIME_DEFAULTS, validateOptions } from '../../src/runtime/options.ts'
import { VERSION } from '../../src/runtime/version.ts'
import { startNode } from '../../src/start-node.ts'

const stateMachine = { apply: () => 0, snapshot: () => [], restore: () => undefined }
const good = { id: 'n1', peers: { n1: 'a:1', n2: 'b:1' }, stateMachine }

describe('the options of a node', () => {
  it('are valid with an id, peers and a state machine', () => {
    assert.deepEqual(problemsOf({}), [])
    assert.deepEqual(problemsOf({ ...RAFT_DEFAULTS, ...RUNTIME_DEFAULTS, cluster: undefined }), [])
  })

  for (const { given, problem } of [
    {
      given: { id: 'no/slash' },
      problem: "id must be 1 to 64 letters, digits, '.', '_' or '-', beginning with a letter or digit, not 'no/slash'",
    },
    { given: { id: undefined }, problem: 'id is missing' },
    { given: { stateMachine: undefined }, problem: 'stateMachine is missing' },
    { given: { stateMachine: { apply: () => 0 } }, problem: 'stateMachine has no snapshot(), restore()' },
    {
      given: { stateMachine: { ...stateMachine, digest: 'v1', query: {} } },
      problem: 'stateMachine has no digest(), query()',
    },
    { given: { codec: 'json' }, problem: "codec must be an object, not 'json'" },
    {
      given: { peers: undefined },
      problem: 'peers is missing: list all first members, or set `join: true` to be added later',
    },
    { given: { peers: { n2: 'b:1' } }, problem: 'peers does not contain n1 itself, only n2' },
    { given: { peers: { n1: 'a:1', n2: 'a:1' } }, problem: 'peers contains the address a:1 twice' },
    {
      given: { peers: { n1: '' } },
      problem: "peers contains an address of n1 that must be a non-empty string, not ''",
    },
    {
      given: { join: true, peers: undefined },
      problem: 'cluster is missing: a node that joins must name its cluster',
    },
    { given: { heartbeatMs: 5 }, problem: 'heartbeatMs is not an option; did you mean heartbeatIntervalMs?' },
    {
      given: { electionTimeoutMinMS: 5 },
      problem: 'electionTimeoutMinMS is not an option; did you mean electionTimeoutMinMs?',
    },
    { given: { statemachine: {} }, problem: 'statemachine is not an option; did you mean stateMachine?' },
    { given: { zebra: 5 }, problem: 'zebra is not an option' },
    {
      given: { heartbeatIntervalMs: 1.5 },
      problem: 'heartbeatIntervalMs must be a whole number of at least 1, not 1.5',
    },
    { given: { blockBytesMax: '1 MB' }, problem: "blockBytesMax must be a whole number of at least 1, not '1 MB'" },
    { given: { preVote: 1 }, problem: 'preVote must be true or false, not 1' },
    { given: { clockDriftMax: 1 }, problem: 'clockDriftMax must be at least 0 and below 1, not 1' },
    { given: { observers: [{}] }, problem: 'observers has no event()' },
    {
      given: { electionTimeoutMinMs: 2000 },
      problem: 'electionTimeoutMinMs (2000) must be below electionTimeoutMaxMs (1500)',
    },
    {
      given: { heartbeatIntervalMs: 300 },
      problem: 'electionTimeoutMinMs (750) must be at least 3 x heartbeatIntervalMs (300)',
    },
    {
      given: { commandBytesMax: 2 ** 21 },
      problem: 'commandBytesMax (2097152) must not exceed blockBytesMax (1048576)',
    },
    {
      given: { uncommittedEntriesMax: 10 },
      problem: 'blockEntriesMax (1024) must not exceed uncommittedEntriesMax (10)',
    },
    {
      given: { leaseReads: true, checkQuorum: false },
      problem: 'leaseReads requires checkQuorum, which a lease depends on',
    },
  ])
    it(`are rejected with "${problem}"`, () => {
      assert.deepEqual(problemsOf(given), [problem])
    })

  it('are all checked, although some of them are invalid', () => {
    const given = {
      id: '',
      peers: 7,
      heartbeatMs: 1,
      electionTimeoutMinMs: 2000,
      electionTimeoutMaxMs: 1000,
      preVote: 'yes',
    }
    const paths = validateOptions({ ...good, ...given }, OPTION_CHECKS).map(({ path }) => path)
    assert.deepEqual(paths.sort(), ['electionTimeoutMinMs', 'heartbeatMs', 'id', 'peers', 'preVote'])
  })

  it('are rejected with every problem listed, before anything is opened', async () => {
    const start = startNode({ ...good, listen: 'here', heartbeatIntervalMs: 0 } as never)
    await assert.rejects(start, (error: RaftError) => {
      assert.equal(error.code, 'ERR_RAFT_OPTIONS')
      for (const path of ['listen', 'heartbeatIntervalMs', 'dataDir']) assert.match(error.message, new RegExp(path))
      return true
    })
  })
})

it('VERSION is the version in package.json', () => {
  assert.equal(VERSION, manifest.version)
})

function problemsOf(given: object): string[] {
  return validateOptions({ ...good, ...given }, OPTION_CHECKS).map(({ path, problem }) => `${path} ${problem}`)
}
