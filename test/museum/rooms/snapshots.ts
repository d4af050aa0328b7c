/** Bugs about snapshots. */
import type { Exhibit } from '../exhibit.ts'

export const SNAPSHOTS: readonly Exhibit[] = []
