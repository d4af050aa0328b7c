/** The page of a fault of a state machine: the commands, the state after each, and the first difference. */
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { checkStateMachine, replayStateMachine } from '../../src/testing/check-state-machine.ts'
import type { StateMachineCheck } from '../../src/testing/state-machine/check-options.ts'
import { foreignParts, parsePage } from '../lane-diagram/parsed-page.ts'
import { faultOf } from './fault-of.ts'
import { Endless, HostDependent, SnapshotOfHost, Sum, ThrowsElsewhere } from './importable-machines.ts'
import { commands, JobQueue } from './job-queue.ts'
import { KeepsReady, ModuleState, OrderDiffers, TwoOwners, WrongOwner } from './planted-bugs.ts'

type Options = Partial<StateMachineCheck<unknown, unknown, never, unknown, never>>

describe('the page of a fault of a state machine', () => {
  const directory = mkdtempSync(join(tmpdir(), 'quorate-pages-'))
  after(() => rmSync(directory, { recursive: true }))

  function pageOf(Machine: new () => JobQueue, options: Options = {}) {
    return pageOfCheck(checkStateMachine(() => new Machine(), { commands, runs: 0, directory, ...(options as object) }))
  }

  /** What the page says that the message names. */
  async function pageOfCheck(check: Promise<unknown>) {
    const { message } = await faultOf(check)
    const path = /\nTo see it in a browser: (\S+\.html)$/.exec(message)?.[1] ?? assert.fail(message)
    const page = readFileSync(path, 'utf8')
    assert.deepEqual(foreignParts(page), [])
    const document = parsePage(page)
    const failure = document.querySelector('.events li.failure')?.textContent ?? ''
    const rows = [...document.querySelectorAll('.events li')].map(({ textContent }) => textContent)
    const cards = [...document.querySelectorAll('.card')].map((card) =>
      [...card.querySelectorAll('dd')].map(({ textContent }) => textContent),
    )
    const lanes = [...document.querySelectorAll('.names div[title]')].map(({ textContent }) => textContent)
    assert.equal(document.querySelector('details pre')?.textContent, message.slice(0, message.lastIndexOf('\n')))
    return { message, title: document.querySelector('h1.bad')?.textContent, lanes, rows, failure, cards }
  }

  it('shows the restored machine beside the other one, with the first difference and both states', async () => {
    const { title, lanes, rows, failure, cards } = await pageOf(OrderDiffers)
    assert.equal(title, 'A restored machine continues in another way')
    assert.deepEqual(lanes, ['machine', 'restored'])
    // It is new, applies five commands, and the other one restores and applies the fifth.
    assert.equal(rows.length, 8)
    assert.match(rows[5] ?? '', /restoredrestoredrestores the snapshot after command 4$/)
    assert.match(failure, /^command 5restoredapplies .* and returns 1: the result is 1, and that of the machine 2$/)
    assert.deepEqual(
      cards.map(([number, , returned]) => [number, returned]),
      [
        ['5', '2'],
        ['5', '1'],
      ],
    )
  })

  it('shows what a machine had applied that is restored over an old state', async () => {
    const { lanes, rows, failure, cards } = await pageOf(KeepsReady)
    assert.deepEqual(lanes, ['machine', 'restored'])
    assert.ok(rows.some((row) => row?.endsWith('has applied the commands up to 1')))
    assert.match(
      failure,
      /restores the snapshot after command 0: the state is .*"ready":\[1\].*, and that of the machine .*"ready":\[\]/,
    )
    assert.match(cards[1]?.[3] ?? '', /ready: \[ 1 \]/)
  })

  it('shows the model, a violated invariant, and what other commands changed', async () => {
    const model = await pageOf(WrongOwner, { model: () => new JobQueue() as never })
    assert.deepEqual(model.lanes, ['machine', 'model'])
    assert.match(model.failure, /and returns 'not yours': the result is "not yours", and that of the machine false$/)
    const invariant = await pageOf(TwoOwners, {
      invariant: ({ locks }: JobQueue) => [...locks.values()].every((owners) => owners.length === 1),
    })
    assert.match(invariant.failure, /^command 2machineapplies .*: after command 2 the invariant does not hold/)
    assert.equal((await pageOf(ModuleState)).title, 'The state machine keeps state outside of it')
  })

  it('shows a command or a result that its codec changes, after the commands before it', async () => {
    const numbers = { runs: 0, directory, commands: fc.constantFrom(1, Number.NaN) }
    const command = await pageOfCheck(checkStateMachine(() => new Sum(), numbers))
    assert.equal(command.title, 'A codec changes a value')
    assert.match(
      command.failure,
      /^command 1machineapplies NaN: command 1 is changed by its codec: NaN is decoded as null/,
    )
    class Average extends Sum {
      override apply(add: number): unknown {
        return Number(super.apply(add)) < 3 ? this.total : { average: Number.NaN }
      }
    }
    const ones = { ...numbers, commands: fc.constant(1) }
    const result = await pageOfCheck(checkStateMachine(() => new Average(), ones))
    assert.match(
      result.failure,
      /^command 3machineapplies 1: the result of command 3 is changed by its codec: at average/,
    )
    assert.deepEqual(result.cards[0]?.slice(0, 2), ['3', '1'])
  })

  describe('found in a child process', () => {
    const module = new URL('./importable-machines.ts', import.meta.url).href
    const pageOfChild = (Machine: new () => Sum) =>
      pageOfCheck(
        checkStateMachine(() => new Machine(), {
          ...{ commands: fc.integer({ min: 1, max: 9 }), logs: 5, runs: 0, directory, deadlineMs: 1000 },
          childProcess: { module, machine: Machine.name },
        }),
      )

    it('shows the results of both processes', async () => {
      const { title, lanes, failure, cards } = await pageOfChild(HostDependent)
      assert.equal(title, 'Another process has other results')
      assert.deepEqual(lanes, ['machine', 'another process'])
      assert.match(
        failure,
        /^command 1another processapplies \d and returns '\d another-host another-user': the result is /,
      )
      assert.match(cards[1]?.[4] ?? '', /and that of the machine/)
    })

    it('shows the snapshots of both', async () => {
      const { failure } = await pageOfChild(SnapshotOfHost)
      assert.match(failure, /another process.*: the state is .*"another-host .*, and that of the machine /)
    })

    it('shows what the machine threw there', async () => {
      const { lanes, failure, message } = await pageOfChild(ThrowsElsewhere)
      assert.doesNotMatch(message, /at runChild/)
      assert.deepEqual(lanes, ['machine', 'another process'])
      assert.match(failure, /^command 2another processapplies \d: in a child process the machine threw Error: not here/)
    })

    it('shows the call that did not return, and makes no call here', async () => {
      const { lanes, rows, failure } = await pageOfChild(Endless)
      assert.deepEqual(lanes, ['another process'])
      assert.match(failure, /another processapplies \d: apply\(\) of command \d+ did not return within 1000 ms/)
      assert.equal(rows.at(-1), failure)
    })
  })

  it('stands beside the run file and the page of the cluster that found the fault', async () => {
    const options = { commands, logs: 0, directory }
    const { message } = await faultOf(checkStateMachine(() => new OrderDiffers(), options))
    const text = readFileSync(/The run file is (\S+\.txt)\. To replay it/.exec(message)?.[1] ?? '', 'utf8')
    const { failure, isSame } = await replayStateMachine(() => new OrderDiffers(), options, text)
    assert.match(String(failure), /I5 state machine safety is violated/)
    assert.equal(isSame, true)
    assert.match(
      readFileSync(/To see the run in a browser: (\S+)/.exec(message)?.[1] ?? '', 'utf8'),
      /I5 state machine/,
    )
    assert.match(message, /\nTo see it in a browser: \S+replay-seed-1\.html$/)
  })

  it('is missing if it cannot be written, and the fault is reported all the same', async () => {
    const file = join(directory, 'a-file')
    writeFileSync(file, '')
    const options = { commands, runs: 0, directory: file }
    const { message } = await faultOf(checkStateMachine(() => new KeepsReady(), options))
    assert.match(
      message,
      /^after command 0,[\s\S]*\nThe page for a browser could not be written to \S+a-file\S+: EEXIST/,
    )
  })
})
