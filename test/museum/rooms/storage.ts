/** Bugs about storage. */
import type { Exhibit } from '../exhibit.ts'

export const STORAGE: readonly Exhibit[] = []
