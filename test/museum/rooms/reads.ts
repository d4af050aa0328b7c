/** Bugs about reads. */
import type { Exhibit } from '../exhibit.ts'

export const READS: readonly Exhibit[] = []
