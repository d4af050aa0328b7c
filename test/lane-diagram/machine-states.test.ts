/** The cards of a run's page show the state of the user's machine on each node, without an effect on the run. */
import assert from 'node:assert/strict'
import type { CheckedMachine, SimulationOptions } from '../../src/testing/index.ts'
import { LEADER, machineUnderTest, simulate } from '../../src/testing/index.ts'
import { PLAIN_TEXTS } from '../../src/testing/properties/machine-texts.ts'
import { parsePage } from './parsed-page.ts'

/** A bug: `restore()` forgets the count. */
class Account {
  total = 0
  count = 0

  apply(amount: number): number {
    this.count++
    this.total += amount
    return this.total
  }

  async *snapshot(): AsyncGenerator<Uint8Array> {
    yield new TextEncoder().encode(JSON.stringify({ total: this.total, count: this.count }))
  }

  async restore(chunks: AsyncIterable<Uint8Array>): Promise<void> {
    let text = ''
    for await (const chunk of chunks) text += new TextDecoder().decode(chunk)
    this.total = (JSON.parse(text) as { total: number }).total
    this.count = 0
  }
}

const ACCOUNT = machineUnderTest({ make: () => new Account(), command: () => 10 })

/** The leader restarts, and restores its snapshot of ten commands; then eight are written, three of them after the faults. */
const RUN: SimulationOptions = {
  ...{ seed: 4, cluster: { voters: 3, spares: 0 }, machine: ACCOUNT, properties: [], isTraced: true, healAtMs: 2500 },
  workload: [
    { type: 'write', atMs: 500, node: LEADER, count: 10 },
    { type: 'snapshot', atMs: 700, node: LEADER },
    { type: 'write', atMs: 1800, node: LEADER, count: 5 },
  ],
  faults: [{ type: 'crash', atMs: 900, node: LEADER, isHard: true, forMs: 200 }],
}

async function foldsOf(options: SimulationOptions): Promise<string[]> {
  const { html } = await simulate(options)
  const document = parsePage((await html?.()) ?? '')
  return [...document.querySelectorAll('.card .fold pre')].map(({ textContent }) => textContent)
}

/** A machine that calls into the account, with one call replaced. */
function faulty(replaced: (machine: CheckedMachine) => Partial<CheckedMachine>): SimulationOptions {
  const make = (): CheckedMachine => {
    const machine = ACCOUNT.make()
    return { ...machine, ...replaced(machine) }
  }
  // Before the faults end: then, every node takes a snapshot.
  return { ...RUN, machine: { make }, onStep: ({ timeUs }) => (timeUs > 2_400_000 ? 'stop' : 'continue') }
}

describe('the state of the machine of the user on the page of a run', () => {
  it('is that of the machine of each node, as it was restored there', async () => {
    const folds = await foldsOf(RUN)
    const counts = folds.map((fold) => /^after \d+: \{"total":180,"count":(\d+)\}$/.exec(fold)?.[1])
    assert.deepEqual(counts.toSorted(), ['18', '18', '8'], folds.join('\n'))
  })

  it('is that at the cursor: of a step at which a command is applied, the state after it', async () => {
    const { html } = await simulate(RUN)
    const document = parsePage((await html?.()) ?? '')
    const rows = [...document.querySelectorAll('.events li')].map(({ textContent }) => textContent)
    const { states, table, texts } = JSON.parse(document.querySelector('#data')?.textContent ?? '') as {
      readonly states: readonly (0 | readonly (readonly [number, number])[])[]
      readonly table: readonly (readonly [string, readonly (string | number)[]])[]
      readonly texts: readonly string[]
    }
    const applied = rows.flatMap((row, step) => {
      const index = /applies w\d+ at (\d+)@/.exec(row)?.[1]
      const [state] = states[step] || []
      return index === undefined ? [] : [[index, texts[Number(table[state?.[1] ?? -1]?.[1].at(-1))] ?? '']]
    })
    assert.equal(applied.length, 54)
    for (const [index, text] of applied) assert.ok(text?.startsWith(`after ${index}: {"total":`), text)
    assert.equal(applied[0]?.[1]?.endsWith('{"total":10,"count":1}'), true, applied[0]?.[1])
  })

  it('is not shown while the node is down, or if the run has no machine', async () => {
    const down = await foldsOf({
      ...RUN,
      healAtMs: 1000,
      onStep: ({ timeUs }) => (timeUs > 950_000 ? 'stop' : 'continue'),
    })
    assert.deepEqual(down.filter((fold) => fold === '-').length, 1, down.join('\n'))
    assert.deepEqual(await foldsOf({ ...RUN, machine: undefined }), [])
  })

  it('is the reason why there is none, if snapshot() fails or does not end, or the machine does something else', async () => {
    const failing = await foldsOf(faulty(() => ({ snapshot: () => [null as unknown as Uint8Array] })))
    assert.match(failing[0] ?? '', /^after \d+: its snapshot fails: /)
    async function* endless(): AsyncGenerator<Uint8Array> {
      await new Promise(() => undefined)
      yield new Uint8Array()
    }
    const noSnapshots = { ...faulty(() => ({ snapshot: endless })), workload: RUN.workload.slice(0, 1), faults: [] }
    assert.match((await foldsOf(noSnapshots))[0] ?? '', /^after \d+: its snapshot does not end$/)
    let made = 0
    const changed = await foldsOf(
      faulty((machine) => {
        const isLater = made++ > 3
        return {
          apply: (number, context) => {
            if (isLater) throw new Error('no more')
            return machine.apply(number, context)
          },
        }
      }),
    )
    assert.match(changed[0] ?? '', /^after \d+: cannot be repeated: no more$/)
  })

  it('is cut, and shorter if there are many', async () => {
    const texts = { ...PLAIN_TEXTS, state: (state: string): string => `${state} ${'x'.repeat(10_000)}` }
    const few = await foldsOf({ ...RUN, machine: { ...ACCOUNT, texts } })
    assert.equal(few[0]?.length, 2000)
    const workload = Array.from({ length: 60 }, (_, number) => ({
      ...{ type: 'write', atMs: 500 + number * 30, node: LEADER, count: 5 },
    })) as SimulationOptions['workload']
    const { html } = await simulate({ ...RUN, machine: { ...ACCOUNT, texts }, workload })
    const page = (await html?.()) ?? ''
    assert.ok(page.length < 1_000_000, `${page.length} bytes`)
    const many = parsePage(page).querySelector('.card .fold pre')?.textContent.length ?? 0
    assert.ok(many < 2000, `${many} letters`)
  })
})
