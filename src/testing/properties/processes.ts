/** The names of processes: that of their node, or another one if they run with a copy of its data directory. */
import type { NodeId } from '../../core/types.ts'

/** The name of the process that runs with a copy of the directory of a node, under the same id. */
export function cloneOf(id: NodeId): string {
  return `${id}'`
}

/** The node id under which a process runs. */
export function idOf(process: string): NodeId {
  return process.endsWith("'") ? process.slice(0, -1) : process
}
