import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { ErrorCode, RaftError } from '../../src/errors.ts'
import { ERROR_CODES } from '../../src/errors.ts'
import { fails, type Script, ScriptedCluster, type ScriptedNode } from './scripted-cluster.ts'

/** What a scripted node does with a proposal; each failure reports its true outcome. */
const ACTIONS = ['refuse', 'apply and disconnect', 'drop and disconnect', 'apply', 'hang', 'apply and hang'] as const
type Action = (typeof ACTIONS)[number]

const codes = (Object.keys(ERROR_CODES) as ErrorCode[]).filter((code) => ERROR_CODES[code].outcome !== 'applied')

describe('a proposal through a client', () => {
  for (const sessions of [false, true])
    it(`${sessions ? 'with' : 'without'} sessions is applied at most once, and not at all if it is reported as not applied, whatever the nodes do`, () =>
      assertAtMostOnce(sessions))
})

function assertAtMostOnce(sessions: boolean): Promise<void> {
  return fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(fc.nat(2), fc.constantFrom(...ACTIONS), fc.constantFrom(...codes)), { maxLength: 20 }),
      fc.array(fc.tuple(fc.nat(4000), fc.option(fc.nat(2), { nil: undefined })), { maxLength: 4 }),
      async (script, elections) => {
        const cluster = new ScriptedCluster('n0', 'n1', 'n2')
        for (const [node, action, code] of script) {
          const scripted = cluster.node(`n${node}`)
          scripted.scripts.push(scriptOf(scripted, action, code))
        }
        for (const [ms, id] of elections) cluster.at(ms, () => cluster.elect(id === undefined ? undefined : `n${id}`))
        const client = cluster.client({ sessions })
        for (const command of ['a', 'b', 'c']) {
          const outcome = await cluster.run(
            client.propose(command).then(
              () => 'applied',
              (error: RaftError) => error.outcome,
            ),
          )
          const times = cluster.applied.filter((applied) => applied === command).length
          const allowed = { applied: [1], 'not-applied': [0], unknown: [0, 1] }[outcome]
          assert.ok(allowed?.includes(times), `${command} was reported as ${outcome}, and applied ${times} times`)
        }
      },
    ),
    { numRuns: 300 },
  )
}

function scriptOf(node: ScriptedNode, action: Action, code: ErrorCode): Script {
  const broken = fails('ERR_RAFT_OUTCOME_UNKNOWN')
  return async (command, options) => {
    if (action === 'refuse') return fails(code)(command, options)
    const applied = action.startsWith('apply') ? node.apply(command, options.session) : undefined
    if (action === 'apply' && applied !== undefined) return applied
    if (action.endsWith('hang')) return new Promise(() => undefined)
    return broken(command, options)
  }
}
