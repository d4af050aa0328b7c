/** Checks the state machine alone and in clusters with faults. `node check.ts` */
import fc from 'fast-check'
import { checkStateMachine } from 'quorate/testing'
import { KeyValues } from './machine.ts'

const key = fc.constantFrom('a', 'b', 'c')
const commands = fc.oneof(
  fc.record({ type: fc.constant('put' as const), key, value: fc.string() }),
  fc.record({ type: fc.constant('delete' as const), key }),
)

const totals = await checkStateMachine(() => new KeyValues(), { commands, queries: key })
console.log('passed', totals.logs, 'logs and', totals.runs, 'clusters')
