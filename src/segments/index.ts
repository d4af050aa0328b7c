/**
 * `quorate/segments`: the durable storage without native code.
 *
 * @module
 */
export type { SegmentStorageOptions } from './options.ts'
export { SEGMENT_STORAGE_DEFAULTS } from './options.ts'
export { SegmentStorage } from './segment-storage.ts'
