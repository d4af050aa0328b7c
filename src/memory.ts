/**
 * `quorate/memory`: a transport and a storage within one process, and a cluster that uses them.
 *
 * @module
 */
export * from './memory/index.ts'
export type { MemoryClusterOptions } from './memory-cluster.ts'
export { MemoryCluster, startMemoryCluster } from './memory-cluster.ts'
