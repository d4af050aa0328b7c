/**
 * `quorate/rocksdb`: the durable storage. The native addon is loaded when a storage opens, not on import.
 *
 * @module
 */
export type { Binding } from './binding.ts'
export type { RocksDBStorageOptions } from './options.ts'
export { ROCKSDB_STORAGE_DEFAULTS } from './options.ts'
export { RocksDBStorage } from './rocksdb-storage.ts'
