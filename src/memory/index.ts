/** The public API of "quorate/memory": network, storage and client channel inside one process. */
export type { MemoryChannelOptions, NodeDirectory } from './memory-channel.ts'
export { MemoryClientChannel, memoryChannelFactory } from './memory-channel.ts'
export type { MemoryDiskOptions, MemoryFile } from './memory-disk.ts'
export { MemoryDisk } from './memory-disk.ts'
export type { MemoryStorageOptions } from './memory-storage.ts'
export { MemoryStorage } from './memory-storage.ts'
export type { MemoryNetworkOptions } from './memory-transport.ts'
export { MemoryNetwork, MemoryTransport } from './memory-transport.ts'
