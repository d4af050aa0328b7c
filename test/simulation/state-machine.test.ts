import assert from 'node:assert/strict'
import type { StateMachine } from '../../src/contracts/state-machine.ts'
import { checkStateMachine } from '../../src/testing/check-state-machine.ts'

describe('a user tries a state machine', () => {
  it('that is one, and finds nothing', async () => {
    const totals = await checkStateMachine(subject(Counter), { runs: 10 })
    assert.ok(totals.commits > 50)
    assert.ok((totals.told.get('snapshotInstalled') ?? 0) > 0)
  })

  it('that depends on more than its commands, and is told at which one', async () => {
    await assert.rejects(
      checkStateMachine(subject(Drunk)),
      /command 1 has the result .* apply\(\) must be deterministic/,
    )
  })

  it('that adds a snapshot to what it has, and is told so', async () => {
    await assert.rejects(checkStateMachine(subject(Adder)), /restore\(\) must replace the whole state/)
  })

  it('that forgets half of its state in a snapshot, and is told by a cluster', async () => {
    await assert.rejects(checkStateMachine(subject(Forgetful), { shrinksMax: 10 }), /I5 state machine safety is broken/)
  })

  it('that shows a later state in its snapshot, and is told so', async () => {
    await assert.rejects(checkStateMachine(subject(Lazy)), /snapshot\(\) must hand out the state as of its call/)
  })

  it('that throws, and is told at which index', async () => {
    await assert.rejects(
      checkStateMachine(subject(Thrower), { commands: 5, shrinksMax: 10 }),
      /the state machine threw at index/,
    )
  })
})

function subject(Machine: new () => StateMachine<number, number>): {
  make(): StateMachine<number, number>
  command(number: number): number
} {
  return { make: () => new Machine(), command: (number) => number % 5 }
}

class Counter implements StateMachine<number, number> {
  total = 0

  apply(add: number): number {
    this.total += add
    return this.total
  }

  *snapshot(): Iterable<Uint8Array> {
    yield Buffer.from(String(this.total))
  }

  async restore(chunks: AsyncIterable<Uint8Array>): Promise<void> {
    let text = ''
    for await (const chunk of chunks) text += Buffer.from(chunk).toString()
    this.total = Number(text)
  }
}

class Drunk extends Counter {
  static made = 0
  readonly #mood = Drunk.made++

  override apply(add: number): number {
    return super.apply(add + this.#mood)
  }
}

class Adder extends Counter {
  override async restore(chunks: AsyncIterable<Uint8Array>): Promise<void> {
    const before = this.total
    await super.restore(chunks)
    this.total += before
  }
}

class Forgetful extends Counter {
  #count = 0

  override apply(add: number): number {
    this.#count++
    return super.apply(add) * 1000 + (this.#count > 10 ? this.#count : 0)
  }
}

class Lazy extends Counter {
  override *snapshot(): Iterable<Uint8Array> {
    yield Buffer.alloc(0)
    yield* super.snapshot()
  }
}

class Thrower extends Counter {
  override apply(add: number, context?: { readonly index: number }): number {
    if ((context?.index ?? 0) > 8) throw new Error('nine is too many')
    return super.apply(add)
  }
}
