/** A promise of Raft that can be watched being kept: one sentence, and a judge that sees everything that happens. */
import type { ClusterView } from './cluster-view.ts'
import type { Observation } from './observation.ts'

/** Sees one observation, after the view has taken it in; says what is wrong, or nothing. */
export type PropertyCheck = (observation: Observation) => string | undefined

export interface Property {
  /** Its number in the list of promises: 'I1'. */
  readonly id: string
  readonly name: string
  /** The promise, in one sentence. */
  readonly promise: string
  /** Begins to watch one run. */
  watch(view: ClusterView): PropertyCheck
}

/** Thrown when a promise is broken: which, and how. */
export class PropertyViolation extends Error {
  readonly property: Pick<Property, 'id' | 'name' | 'promise'>
  readonly detail: string

  constructor(property: Pick<Property, 'id' | 'name' | 'promise'>, detail: string) {
    super(`${property.id} ${property.name} is broken: ${property.promise} But ${detail}`)
    this.name = 'BrokenPromise'
    this.property = { id: property.id, name: property.name, promise: property.promise }
    this.detail = detail
  }
}
