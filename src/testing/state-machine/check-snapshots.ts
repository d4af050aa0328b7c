/** Snapshots must not change while they are read; queries must change nothing. */
import type { ExpectedRun, ModelRun } from './check-run.ts'
import type { CallWithoutEffect } from './check-side-effects.ts'
import { checkUnaffected } from './check-side-effects.ts'
import { formatValue } from './first-difference.ts'
import { formatBoth } from './format-bytes.ts'
import { MachineFault } from './machine-fault.ts'
import type { MachineHarness } from './machine-harness.ts'

/** A snapshot must have the state at the call of snapshot(), even if it is read later or together with another one. */
export async function checkSnapshotIsolation<Command, Result>(
  make: () => MachineHarness<Command, Result>,
  expected: ExpectedRun,
): Promise<void> {
  const original = make()
  const last = expected.results.length
  const results: Buffer[] = []
  for (let number = 0; number < last; number++) {
    if (number > 0) results.push(original.apply(number))
    const { bytes, chunks } = await original.takeSnapshot()
    await checkSecondSnapshot(original, bytes)
    const [one, other] = [original.beginSnapshot(), original.beginSnapshot()]
    if (![await one.read(), await other.read()].every((taken) => taken.bytes.equals(bytes)))
      throw new MachineFault(
        'snapshot isolation',
        number,
        `after command ${number}, one of two snapshots that are read concurrently differs from a snapshot read alone: keep the state of an iteration in local variables, not in fields of the machine.`,
      )
    const begun = original.beginSnapshot()
    results.push(original.apply(++number))
    if (!Buffer.concat(chunks).equals(bytes))
      throw new MachineFault(
        'output unchanged',
        number,
        `command ${number} changed bytes that snapshot() had returned before: return a copy.`,
      )
    const late = (await begun.read()).bytes
    if (!late.equals(bytes))
      throw new MachineFault(
        'snapshot isolation',
        number,
        `command ${number}, applied while a snapshot was being read, is visible in the snapshot: snapshot() must return the state at its call. Copy the state before the first \`yield\` and the first \`await\`.`,
      )
  }
  results.push(...original.applyAll(original.lastApplied, last))
  const finalSnapshot = (await original.takeSnapshot()).bytes
  await checkSecondSnapshot(original, finalSnapshot)
  checkUnaffected(original, SNAPSHOT, { results, finalSnapshot }, expected)
}

async function checkSecondSnapshot<Command, Result>(
  machine: MachineHarness<Command, Result>,
  first: Buffer,
): Promise<void> {
  const second = (await machine.takeSnapshot()).bytes
  const at = machine.lastApplied
  if (!second.equals(first))
    throw new MachineFault(
      SNAPSHOT.rule,
      at,
      `after command ${at} the snapshot is ${formatBoth(second, first).join(', but it was ')} the first time. ${SNAPSHOT.advice}`,
    )
}

const SNAPSHOT: CallWithoutEffect = {
  rule: 'snapshot isolation',
  call: 'snapshot()',
  advice: 'Each node takes its snapshots at other times: snapshot() must not change the state.',
}

/** A query must not change the state, and a restored machine must give the same answer. */
export async function checkQueries<Command, Result>(
  make: () => MachineHarness<Command, Result>,
  expected: ExpectedRun,
  queries: readonly unknown[],
  model: ModelRun | undefined,
): Promise<void> {
  if (queries.length === 0) return
  const last = expected.results.length
  const [original, restored] = [make(), make()]
  for (let number = 1; number <= last; number++) {
    original.apply(number)
    model?.apply(number)
  }
  const { bytes } = await original.takeSnapshot()
  await restored.restore(bytes, last, Math.max(1, bytes.length))
  for (const query of queries) {
    const [answer, other] = [original.query(query), restored.query(query)]
    if (!answer.equals(other))
      throw new MachineFault(
        'query',
        last,
        `query() of ${formatValue(query)} after command ${last} returns ${original.formatAnswers(answer, other).join(', but ')} after a restore from the snapshot: the snapshot must contain everything that answers depend on.`,
      )
    const modelled = model?.query(query)
    if (modelled !== undefined && !modelled.equals(answer))
      throw new MachineFault(
        'model',
        last,
        `query() of ${formatValue(query)} after command ${last} returns ${original.formatAnswers(answer, modelled).join(', but ')} on the reference model: one of the two is wrong.`,
      )
    const after = (await original.takeSnapshot()).bytes
    if (!after.equals(bytes))
      throw new MachineFault(
        'query',
        last,
        `query() of ${formatValue(query)} changed the state from ${formatBoth(bytes, after).join(' to ')}: a query runs on one node only. Use a command to change the state.`,
      )
  }
  await checkAskedBefore(make(), original, expected, queries)
}

/** A machine may keep an answer for the next time: it must not be an old one then. */
async function checkAskedBefore<Command, Result>(
  asked: MachineHarness<Command, Result>,
  original: MachineHarness<Command, Result>,
  expected: ExpectedRun,
  queries: readonly unknown[],
): Promise<void> {
  const last = expected.results.length
  const results: Buffer[] = []
  for (let number = 0; number <= last; number++) {
    if (number > 0) results.push(asked.apply(number))
    if (number === 0 || number === last >> 1) for (const query of queries) asked.query(query)
  }
  for (const query of queries) {
    const [answer, later] = [original.query(query), asked.query(query)]
    if (!answer.equals(later))
      throw new MachineFault(
        'query',
        last,
        `query() of ${formatValue(query)} after command ${last} returns ${original.formatAnswers(later, answer).join(' on a machine that was asked before, but ')} on a machine that was not: an answer must depend on the state alone. Look for a cache that is not cleared.`,
      )
  }
  asked.checkRetainedAnswers()
  const called = { results, finalSnapshot: (await asked.takeSnapshot()).bytes }
  checkUnaffected(asked, QUERY, called, expected)
}

const QUERY: CallWithoutEffect = {
  rule: 'query',
  call: 'query()',
  advice:
    'A query runs on one node only: it must not change what later commands do. Look for an index or a cache that it fills.',
}
