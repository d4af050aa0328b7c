/** Bugs about replication. */
import type { Exhibit } from '../exhibit.ts'

export const REPLICATION: readonly Exhibit[] = []
