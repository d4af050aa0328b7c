/** The entry point `quorate/segments`: the durable storage without native code. */
export type { SegmentStorageOptions } from './options.ts'
export { SegmentStorage } from './segment-storage.ts'
