import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { ErrorCode, RaftError } from '../../src/errors.ts'
import { ERROR_CODES } from '../../src/errors.ts'
import { fails, type Script, ScriptedCluster, type ScriptedNode } from './scripted-cluster.ts'

/** What a node may do with a proposal, each told honestly. */
const ACTIONS = ['refuse', 'apply and break off', 'lose and break off', 'apply', 'hang', 'apply and hang'] as const
type Action = (typeof ACTIONS)[number]

const codes = Object.keys(ERROR_CODES) as ErrorCode[]

describe('a proposal through a client', () => {
  it('is applied at most once, and never if it is said not to be, whatever the nodes do', () =>
    fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.nat(2), fc.constantFrom(...ACTIONS), fc.constantFrom(...codes)), { maxLength: 20 }),
        fc.array(fc.tuple(fc.nat(4000), fc.option(fc.nat(2), { nil: undefined })), { maxLength: 4 }),
        async (script, elections) => {
          const fleet = new ScriptedCluster('n0', 'n1', 'n2')
          for (const [node, deed, code] of script) {
            const scripted = fleet.node(`n${node}`)
            scripted.scripts.push(scriptOf(scripted, deed, code))
          }
          for (const [ms, id] of elections) fleet.at(ms, () => fleet.elect(id === undefined ? undefined : `n${id}`))
          const client = fleet.client()
          for (const command of ['a', 'b', 'c']) {
            const outcome = await fleet.run(
              client.propose(command).then(
                () => 'applied',
                (error: RaftError) => error.outcome,
              ),
            )
            const times = fleet.applied.filter((applied) => applied === command).length
            const allowed = { applied: [1], 'not-applied': [0], unknown: [0, 1] }[outcome]
            assert.ok(allowed?.includes(times), `${command} was called ${outcome}, and applied ${times} times`)
          }
        },
      ),
      { numRuns: 300 },
    ))
})

function scriptOf(node: ScriptedNode, action: Action, code: ErrorCode): Script {
  const broken = fails('ERR_RAFT_OUTCOME_UNKNOWN')
  return async (command, options) => {
    if (action === 'refuse') return fails(code)(command, options)
    if (action.startsWith('apply')) node.apply(command)
    if (action === 'apply') return { index: 1, term: 1, result: command }
    if (action.endsWith('hang')) return new Promise(() => undefined)
    return broken(command, options)
  }
}
