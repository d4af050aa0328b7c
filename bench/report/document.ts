/** The JSON document of a run: everything that the reports show, and every round. */
import type { Machine } from '../machine.ts'
import type { Measurement } from '../measurement.ts'
import type { BenchOptions } from '../options.ts'

export const SCHEMA = 'quorate.bench/v3'

export interface BenchDocument {
  readonly schema: typeof SCHEMA
  readonly startedAt: string
  readonly seconds: number
  /** The version of the package, and the module that the measured processes imported. */
  readonly version: string
  readonly module: string
  readonly commit: string
  readonly machine: Machine
  /** Cores that were busy before anything was started. */
  readonly busyCoresBefore: number
  readonly options: BenchOptions
  readonly systems: readonly SystemEntry[]
  readonly measurements: readonly Measurement[]
}

export interface SystemEntry {
  readonly name: string
  readonly kind: 'quorate' | 'skeleton' | 'peer'
  readonly description: string
  /** Why it was not measured. */
  readonly missing: string | undefined
}

export function parseDocument(text: string): BenchDocument {
  const document = JSON.parse(text) as BenchDocument
  if (document.schema !== SCHEMA) throw new Error(`the document has the schema ${document.schema}, not ${SCHEMA}`)
  return document
}
