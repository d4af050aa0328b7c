/** Checks a run while it happens, by several properties at once. */
import { ClusterView } from './cluster-view.ts'
import type { MachineTexts } from './machine-texts.ts'
import type { Observation } from './observation.ts'
import { ALL_PROPERTIES } from './properties.ts'
import type { Property, PropertyCheck } from './property.ts'
import { PropertyViolation } from './property.ts'

/** Checks one run. `observe` throws a PropertyViolation at the first observation that violates a property. */
export class PropertyMonitor {
  readonly view: ClusterView
  readonly #checks: readonly { readonly property: Property; readonly check: PropertyCheck }[]

  constructor(properties: readonly Property[] = ALL_PROPERTIES, texts?: MachineTexts) {
    this.view = new ClusterView(texts)
    this.#checks = properties.map((property) => ({ property, check: property.watch(this.view) }))
  }

  observe(observation: Observation): void {
    this.view.observe(observation)
    for (const { property, check } of this.#checks) {
      const detail = check(observation)
      if (detail !== undefined) throw new PropertyViolation(property, detail)
    }
  }
}
