/** The functions of the test kit reject options that do nothing, and values with which nothing would be checked. */
import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { RaftError } from '../../src/errors.ts'
import {
  checkRuns,
  checkStateMachine,
  machineUnderTest,
  simulate,
  storageContract,
  transportContract,
} from '../../src/testing/index.ts'
import { Sum } from './importable-machines.ts'

/** The rejections of a function, with its required options. The compiler rejects these options, too; a program in JavaScript has no compiler. */
function table(
  name: string,
  call: (options: never) => unknown,
  required: object,
  rows: readonly (readonly [object, string])[],
): void {
  for (const [options, problem] of rows)
    it(`${name}: ${problem}`, async () => {
      await assert.rejects(
        async () => call({ ...required, ...options } as never),
        ({ code, message, hint }: RaftError) => {
          assert.deepEqual([code, message], ['ERR_RAFT_OPTIONS', `invalid options: ${problem}`])
          assert.notEqual(hint, undefined)
          return true
        },
      )
    })
}

describe('the test kit rejects', () => {
  table('checkStateMachine', (options) => checkStateMachine(() => new Sum(), options), { commands: fc.nat(4) }, [
    [{ commands: undefined }, 'commands is missing'],
    [{ commands: () => 1 }, 'commands must be an object, not a function'],
    [{ run: 3 }, 'run is not an option; did you mean runs?'],
    [{ runs: Number.NaN }, 'runs must be a whole number of at least 0, not NaN'],
    [{ logs: -1 }, 'logs must be a whole number of at least 0, not -1'],
    [{ deadlineMs: Number.POSITIVE_INFINITY }, 'deadlineMs must be a whole number of at least 1, not Infinity'],
    [{ seed: 0.5 }, 'seed must be a whole number, not 0.5'],
    [{ allow: ['enviroment'] }, "allow must not contain 'enviroment'; did you mean environment?"],
    [
      { allow: ['clock'] },
      "allow must not contain 'clock': use time, randomness, timers, locale, timeZone, files, environment, process, host, network, childProcesses, threads, garbageCollection",
    ],
    [{ coverage: { readonly: [] } }, 'coverage.readonly is not an option; did you mean readOnly?'],
    [{ coverage: 'all' }, "coverage must be an object, not 'all'"],
    [{ childProcess: { module: 'file:///m.ts' } }, 'childProcess.machine is missing'],
    [{ queries: fc.constant('total') }, 'queries must be left out: the machine has no query()'],
  ])
  table('checkStateMachine', (options) => checkStateMachine(new Sum() as never, options), { commands: fc.nat(4) }, [
    [{}, 'the machine must be a function, not an object: pass () => new Machine()'],
  ])
  table('machineUnderTest', machineUnderTest, { make: () => new Sum(), command: Number }, [
    [{ query: Number }, 'query must be left out: the machine has no query()'],
  ])
  table('checkRuns', checkRuns, { runs: 1, seed: 1 }, [
    [{ runs: Number.NaN }, 'runs must be a whole number of at least 1, not NaN'],
    [{ seed: undefined }, 'seed is missing'],
    [{ fixed: { heal: 1 } }, 'fixed.heal is not an option; did you mean healAtMs?'],
  ])
  table('simulate', simulate, { seed: 1, workload: [], faults: [] }, [
    [{ faults: undefined }, 'faults is missing'],
    [{ isTrace: true }, 'isTrace is not an option; did you mean isTraced?'],
    [{ cluster: { voters: 0, spares: 0 } }, 'cluster.voters must be a whole number of at least 1, not 0'],
    [
      { settings: { electionTimeoutMinMS: 5 } },
      'settings.electionTimeoutMinMS is not an option; did you mean electionTimeoutMinMs?',
    ],
    [{ interceptors: { disk: () => {} } }, 'interceptors.disk is not an option'],
    [
      { faults: [{ type: 'crash', atMs: 1, node: 0, forMs: 5 }] },
      "faults is wrong at [0]: 'isHard' is missing; an example is 'fault 300 crash node=leader isHard forMs=300'",
    ],
    [{ workload: [{ type: 'write', node: 0, count: 1 }] }, "workload is wrong at [0]: 'atMs' must be a number from 0"],
  ])
  const runner = { describe: () => {}, it: () => {}, make: () => {} }
  table('storageContract', storageContract, runner, [
    [{ unsupported: ['crash'] }, "unsupported must not contain 'crash'; did you mean crashes?"],
    [{ histories: -1 }, 'histories must be a whole number of at least 1, not -1'],
    [{ it: undefined }, 'it is missing'],
  ])
  table('transportContract', transportContract, runner, [
    [{ unsupported: 'stalls' }, "unsupported must be an array, not 'stalls'"],
    [{ timeout: 100 }, 'timeout is not an option; did you mean timeoutMs?'],
  ])
})

describe('checkStateMachine', () => {
  it('counts what zero logs and zero runs leave out as not checked', async () => {
    const { notChecked } = await checkStateMachine(() => new Sum(), { commands: fc.nat(4), logs: 0, runs: 0 })
    assert.deepEqual(
      notChecked.filter((text) => text.includes(' is 0')),
      ['the machine outside of a cluster, except with an empty log: logs is 0', 'clusters under faults: runs is 0'],
    )
  })

  it('warns of a kind in coverage.readOnly that never came', async () => {
    const coverage = { commandKind: () => 'add', readOnly: ['get'] }
    const checked = await checkStateMachine(() => new Sum(), { commands: fc.nat(4), logs: 5, runs: 0, coverage })
    assert.deepEqual(checked.coverage.warnings, ['no command of the kind "get" came. These came: add.'])
  })
})
