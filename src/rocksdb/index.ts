/** The face of "quorate/rocksdb": the durable storage. Importing it loads no native addon; opening a storage does. */
export type { Binding } from './binding.ts'
export type { RocksDBStorageOptions } from './options.ts'
export { ROCKSDB_STORAGE_DEFAULTS } from './options.ts'
export { RocksDBStorage } from './rocksdb-storage.ts'
