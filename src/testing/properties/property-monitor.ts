/** Checks a run while it happens, by several properties at once. */
import { ClusterView } from './cluster-view.ts'
import type { MachineTexts } from './machine-texts.ts'
import type { Observation } from './observation.ts'
import { ALL_PROPERTIES } from './properties.ts'
import type { Property, PropertyCheck } from './property.ts'
import { PropertyViolation } from './property.ts'

/** A property and its check of one run. */
interface Watched {
  readonly property: Property
  readonly check: PropertyCheck
}

/** Checks one run. `observe` throws a PropertyViolation at the first observation that violates a property. */
export class PropertyMonitor {
  readonly view: ClusterView
  readonly #watched: readonly Watched[]
  /** Those that need an observation of this type: a run has many observations, and most properties need few of them. */
  readonly #watchedByType = new Map<Observation['type'], readonly Watched[]>()

  constructor(properties: readonly Property[] = ALL_PROPERTIES, texts?: MachineTexts) {
    this.view = new ClusterView(texts)
    this.#watched = properties.map((property) => ({ property, check: property.watch(this.view) }))
  }

  observe(observation: Observation): void {
    this.view.observe(observation)
    for (const { property, check } of this.#watchedBy(observation.type)) {
      const detail = check(observation)
      if (detail !== undefined) throw new PropertyViolation(property, detail)
    }
  }

  #watchedBy(type: Observation['type']): readonly Watched[] {
    let watched = this.#watchedByType.get(type)
    if (watched === undefined) {
      watched = this.#watched.filter(({ property: { observes } }) => observes === undefined || observes.includes(type))
      this.#watchedByType.set(type, watched)
    }
    return watched
  }
}
