/** What is called on some nodes only, such as digest(), must not change what a machine returns later. */
import { inspect } from 'node:util'
import type { ExpectedRun } from './check-run.ts'
import { runAlone } from './check-run.ts'
import { formatBoth } from './format-bytes.ts'
import type { MachineRule } from './machine-fault.ts'
import { MachineFault } from './machine-fault.ts'
import type { MachineHarness } from './machine-harness.ts'

/** A call that must have no effect on later commands. */
export interface CallWithoutEffect {
  readonly rule: MachineRule
  /** For example 'digest()'. */
  readonly call: string
  readonly advice: string
}

/** Throws a MachineFault if a machine on which the call was made has another outcome than one on which it was not. */
export function checkUnaffected<Command, Result>(
  machine: MachineHarness<Command, Result>,
  { rule, call, advice }: CallWithoutEffect,
  called: ExpectedRun,
  uncalled: ExpectedRun,
): void {
  const fault = (number: number, what: string, values: readonly [string, string]): MachineFault =>
    new MachineFault(
      rule,
      number,
      `${what} ${values.join(` if ${call} was called before, but `)} if it was not. ${advice}`,
    )
  for (const [offset, result] of called.results.entries()) {
    const other = uncalled.results[offset] as Buffer
    const number = offset + 1
    if (!result.equals(other)) throw fault(number, `command ${number} returns`, machine.formatResults(result, other))
  }
  const [end, otherEnd] = [called.finalSnapshot, uncalled.finalSnapshot]
  const last = called.results.length
  if (!end.equals(otherEnd)) throw fault(last, `after command ${last} the snapshot is`, formatBoth(end, otherEnd))
}

/** digest() must be the same on two machines after every command, and change nothing. */
export async function checkDigests<Command, Result>(
  make: () => MachineHarness<Command, Result>,
  expected: ExpectedRun,
): Promise<void> {
  const [one, other] = [make(), make()]
  if (one.digest() === undefined) return
  other.digest()
  const results: Buffer[] = []
  for (let number = 1; number <= expected.results.length; number++) {
    results.push(one.apply(number))
    other.apply(number)
    checkEqualDigests(one.digest(), other.digest(), number)
  }
  const called = { results, finalSnapshot: (await one.takeSnapshot()).bytes }
  checkUnaffected(one, DIGEST, called, expected)
}

const DIGEST: CallWithoutEffect = {
  rule: 'digest',
  call: 'digest()',
  advice: 'A node that restarts has called it less often: it must not change the state.',
}

function checkEqualDigests(one: string | undefined, other: string | undefined, number: number): void {
  if (one !== other)
    throw new MachineFault(
      'digest',
      number,
      `after command ${number}, digest() returns ${inspect(one)}, but ${inspect(other)} on another machine that applied the same commands: nodes compare their digests, and one that differs from a majority stops. Compute it from the state alone.`,
    )
}

/** The expected outcome is that of a machine whose invariant was checked. `make` creates one whose invariant is not. */
export async function checkInvariantEffect<Command, Result>(
  make: () => MachineHarness<Command, Result>,
  expected: ExpectedRun,
): Promise<void> {
  checkUnaffected(make(), INVARIANT, expected, await runAlone(make, expected.results.length))
}

const INVARIANT: CallWithoutEffect = {
  rule: 'invariant',
  call: 'the invariant',
  advice: 'No node calls it: the invariant must not change the machine.',
}
