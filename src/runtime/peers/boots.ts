/** Compares what is remembered of a data directory with what a node presents: a restart, an older copy, or another copy. */
import type { BootHistory } from '../../contracts/storage.ts'
import type { Boot } from '../../core/types.ts'

/**
 * `later` is a restart of the directory that had the remembered boot. `older` is a copy from before that boot. `forked` is a copy that
 * was opened at the same time or since. A boot that the history no longer contains counts as part of it.
 */
export type BootRelation = 'same' | 'later' | 'older' | 'forked'

export function compareBoots(remembered: Boot, presented: BootHistory): BootRelation {
  const boots = presented.number - remembered.number
  if (boots < 0) return 'older'
  if (boots === 0) return remembered.id === presented.id ? 'same' : 'forked'
  const id = presented.earlier[boots - 1]
  return id === undefined || id === remembered.id ? 'later' : 'forked'
}

export function isCopy(relation: BootRelation): boolean {
  return relation === 'older' || relation === 'forked'
}
