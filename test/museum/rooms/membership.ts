/** Bugs about membership. */
import type { Exhibit } from '../exhibit.ts'

export const MEMBERSHIP: readonly Exhibit[] = []
