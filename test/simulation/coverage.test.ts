/** checkStateMachine counts what its generated logs consisted of, and warns of generators that test little. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import fc from 'fast-check'
import type { StateMachineCoverage } from '../../src/testing/index.ts'
import { checkStateMachine } from '../../src/testing/index.ts'
import { kindOfCommand, kindOfResult } from '../../src/testing/state-machine/value-kinds.ts'
import { JobQueue, commands as jobs } from './job-queue.ts'

type Command = { type: 'set' | 'delete'; version: number } | { type: 'get' }

/** A register: a command of another version than the current one is refused. */
class Register {
  version = 0
  apply(command: Command): { ok: boolean; version?: number } | { error: string } {
    if (command.type === 'get') return { ok: true, version: this.version }
    if (command.version !== this.version) return { error: 'stale' }
    this.version++
    return { ok: true }
  }
  snapshot(): Uint8Array[] {
    return [Buffer.from(String(this.version))]
  }
  async restore(chunks: AsyncIterable<Uint8Array>): Promise<void> {
    let text = ''
    for await (const chunk of chunks) text += Buffer.from(chunk).toString()
    this.version = Number(text)
  }
}

const of = (type: 'set' | 'delete', version: fc.Arbitrary<number>): fc.Arbitrary<Command> =>
  fc.record({ type: fc.constant(type), version })
const zero = fc.constant(0)
const never = fc.constant(99)
const get = fc.constant<Command>({ type: 'get' })

const SMALL = { logs: 60, runs: 0 }

async function coverageOf(
  commands: fc.Arbitrary<Command>,
  coverage: NonNullable<Parameters<typeof checkStateMachine<Command, unknown>>[1]['coverage']> = {},
): Promise<StateMachineCoverage> {
  const totals = await checkStateMachine(() => new Register(), { ...SMALL, commands, coverage })
  return totals.coverage
}

describe('the coverage of a check', () => {
  it('counts the kinds of commands and results, and what was refused', async () => {
    const commands = fc.oneof(of('set', zero), of('delete', fc.nat(1)), of('set', fc.nat(5)))
    const coverage = await coverageOf(commands)
    assert.deepEqual([...coverage.commands.keys()].sort(), ['delete', 'set'])
    assert.deepEqual([...coverage.results.keys()].sort(), ['{ error: stale }', '{ ok: true }'])
    const set = coverage.commands.get('set')
    assert.equal(set?.count, (set?.results.get('{ ok: true }') ?? 0) + (set?.results.get('{ error: stale }') ?? 0))
    assert.ok(coverage.refused > 0 && coverage.refused < 1)
    assert.match(
      coverage.table,
      /^command {2}count {2}no change {2}results\n(set|delete) +\d+ +\d\d % {2}\{ error: stale \} \d\d %, /,
    )
  })

  it('warns if most commands are refused, on the standard error output too', async () => {
    const emitted = once(process, 'warning') as Promise<[Error]>
    const { refused, warnings } = await coverageOf(fc.oneof(of('set', never), of('set', never), of('set', fc.nat(9))))
    assert.ok(refused > 0.9)
    assert.equal(warnings.length, 1)
    assert.match(warnings[0] ?? '', /^the state was not changed by 9\d % of the commands, so that little was tested/)
    const [warning] = await emitted
    assert.equal(warning.message, `checkStateMachine: ${warnings[0]}`)
  })

  it('warns if all commands of one kind are refused', async () => {
    const commands = fc.oneof(of('set', zero), of('set', zero), of('set', fc.nat(2)), of('delete', never), get)
    const { warnings } = await coverageOf(commands, { readOnly: ['get'] })
    assert.deepEqual(
      warnings.filter((warning) => warning.includes('kind')).map((warning) => warning.replace(/\d+/, '…')),
      [
        'the state was not changed by all … commands of the kind "delete", with the results { error: stale }: generate some that are accepted, or state in coverage.readOnly that the kind never changes the state.',
      ],
    )
  })

  it('warns if the digest does not cover what a kind of commands changes', async () => {
    class Digested extends JobQueue {
      digest(): string {
        return `${this.lastId} ${this.ready.join()} ${[...this.jobs.values()].map(({ worker }) => worker).join()}`
      }
    }
    const { coverage } = await checkStateMachine(() => new Digested(), { commands: jobs, runs: 0, logs: 60 })
    assert.deepEqual(
      coverage.warnings.filter((warning) => warning.includes('digest')).map((warning) => warning.replace(/\d+/, '…')),
      [
        'digest() stayed the same for all … commands of the kind "lock" that changed the state, so that nodes which differ in it would not be found: compute the digest from the whole state.',
      ],
    )
  })

  it('counts what the user counts, and warns of kinds that did not occur', async () => {
    const { results, refused, warnings } = await coverageOf(of('set', fc.nat(1)), {
      resultKind: (result) => (JSON.stringify(result).includes('error') ? 'refused' : 'done'),
      isRefused: () => false,
      commands: ['set', 'delete'],
      results: ['done', 'lost'],
    })
    assert.deepEqual([...results.keys()].sort(), ['done', 'refused'])
    assert.equal(refused, 0)
    assert.deepEqual(warnings, [
      'no command of the kind "delete" came. These came: set.',
      `no result of the kind "lost" came. These came: ${[...results.keys()].join(', ')}.`,
    ])
  })
})

describe('the kind of a value', () => {
  it('of a command is its name, or its fields', () => {
    const commands = [{ op: 'put', key: 'a' }, { add: 1 }, ['incr', 'x'], 'stop', 7, Uint8Array.of(1), {}]
    assert.deepEqual(commands.map(kindOfCommand), ['put', '{ add }', 'incr', 'stop', 'a number', 'bytes', '{}'])
  })

  it('of a result is its fields, and what says how it ended', () => {
    const results = [
      { status: 'held', by: 'ann' },
      { heldBy: null },
      [],
      [1],
      null,
      undefined,
      true,
      'not found',
      'a7',
      3n,
    ]
    assert.deepEqual(results.map(kindOfResult), [
      '{ status: held, by }',
      '{ heldBy: null }',
      '[]',
      'a list',
      'null',
      'undefined',
      'true',
      'not found',
      'a string',
      'a bigint',
    ])
  })
})
