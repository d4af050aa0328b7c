/** Prints how checkStateMachine detects each bug that is planted in a job queue, as a table for docs/how-to/simulate.md. */
import { checkStateMachine } from '../src/testing/check-state-machine.ts'
import { MachineFault } from '../src/testing/state-machine/machine-fault.ts'
import { CHECK, PLANTED } from '../test/simulation/planted-rows.ts'

/** What a cell shows of a message. */
const LETTERS_MAX = 110

console.log('| bug | ms | commands | message |')
console.log('|---|---|---|---|')
for (const { bug, machine: Machine, message, options } of PLANTED) {
  const startedAt = performance.now()
  const fault: unknown = await checkStateMachine(() => new Machine(), { ...CHECK, ...options }).catch((error) => error)
  const ms = Math.round(performance.now() - startedAt)
  if (!(fault instanceof MachineFault) || !message.test(fault.message)) throw new Error(`not detected: ${bug}`)
  const [line = ''] = fault.message.split('\n', 1)
  const shown = line.length > LETTERS_MAX ? `${line.slice(0, LETTERS_MAX)}…` : line
  console.log(`| ${bug} | ${ms} | ${fault.commands} | \`${shown.replaceAll('|', '\\|')}\` |`)
}
