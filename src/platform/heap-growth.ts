/** Lets the heap of this process grow further between two collections of all of it. */
import { setFlagsFromString } from 'node:v8'

/**
 * The heap may grow by so many percent over what was live after the last collection. V8 counts the bytes of buffers, and by itself lets a small heap grow
 * by some 30 MB only: a node that receives 60 MB/s would collect its whole heap several times a second, for 10 ms each.
 */
export function setHeapGrowth(percent: number): void {
  try {
    setFlagsFromString(`--heap-growing-percent=${percent}`)
  } catch {
    // Another engine than V8, which has limits of its own.
  }
}
