/** The form of a property: one sentence, and a check that sees every event of a run. */
import type { ClusterView } from './cluster-view.ts'
import type { Observation } from './observation.ts'

/** Checks one observation, after the view has been updated with it. Returns how the property is violated, or undefined. */
export type PropertyCheck = (observation: Observation) => string | ViolationDetail | undefined

/** How a property is violated, with a page that shows it. */
export interface ViolationDetail {
  readonly text: string
  /** A self-contained page. */
  html(): string
}

/** A property of Raft that every run must have. */
export interface Property {
  /** Its number in the list of properties: 'I1' to 'I24' for safety, 'L0' to 'L11' for liveness. */
  readonly id: string
  readonly name: string
  /** The property in one sentence. */
  readonly statement: string
  /** The observations that the check needs; undefined for all. It is called with no others. */
  readonly observes?: readonly Observation['type'][] | undefined
  /** Starts to check one run. The returned function is called once per observation, in order. */
  watch(view: ClusterView): PropertyCheck
}

/** Thrown at the observation that violates a property. */
export class PropertyViolation extends Error {
  readonly property: Pick<Property, 'id' | 'name' | 'statement'>
  /** How the property is violated: nodes, indexes and terms. */
  readonly detail: string
  /** A page about the violation alone, if the property makes one: M1 shows the calls. */
  readonly html: (() => string) | undefined

  constructor(property: Pick<Property, 'id' | 'name' | 'statement'>, found: string | ViolationDetail) {
    const detail = typeof found === 'string' ? found : found.text
    super(`${property.id} ${property.name} is violated: ${property.statement} Violated by: ${detail}`)
    this.name = 'PropertyViolation'
    this.property = { id: property.id, name: property.name, statement: property.statement }
    this.detail = detail
    this.html = typeof found === 'string' ? undefined : () => found.html()
  }
}
