/** The report for a terminal. */
import Table from 'cli-table3'
import type { BenchDocument } from './document.ts'
import { factsOf, READING, warningOf } from './facts.ts'
import { columnsOf, rowsOf } from './rows.ts'

const PLAIN = { head: [], border: [] }
/** No lines between rows. */
const CHARS = { mid: '', 'left-mid': '', 'mid-mid': '', 'right-mid': '' }

export function terminalReport(document: BenchDocument): string {
  const facts = new Table({ style: PLAIN, chars: CHARS })
  facts.push(...factsOf(document).map(([name, value]) => ({ [name]: value })))
  const systems = new Table({
    head: ['system', 'what it is', 'measured'],
    style: PLAIN,
    colWidths: [28, 60, 40],
    wordWrap: true,
  })
  for (const { name, description, missing } of document.systems) systems.push([name, description, missing ?? 'yes'])
  return [
    facts.toString(),
    ...warningOf(document),
    READING,
    systems.toString(),
    ...document.measurements.map((measurement) => {
      const table = new Table({ head: ['', 'system', ...columnsOf(measurement)], style: PLAIN, chars: CHARS })
      for (const row of rowsOf(measurement)) table.push([row.case, row.system, ...row.cells])
      return `\n${measurement.title}\n${measurement.note}\n${table.toString()}`
    }),
    '',
  ].join('\n')
}
