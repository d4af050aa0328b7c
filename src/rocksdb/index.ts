/** The face of "quorate/rocksdb": the durable storage. Importing it loads no native addon; opening a storage does. */
export type { Binding } from './binding.ts'
export type { RocksDBStorageOptions } from './rocksdb-storage.ts'
export { ROCKSDB_STORAGE_DEFAULTS, RocksDBStorage } from './rocksdb-storage.ts'
