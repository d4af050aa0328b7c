/** The face of "quorate/memory": network and storage inside one process, and a whole cluster made of them. */
export * from './memory/index.ts'
export type { MemoryClusterOptions } from './memory-cluster.ts'
export { MemoryCluster, startMemoryCluster } from './memory-cluster.ts'
