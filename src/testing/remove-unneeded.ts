/** Removes items that a failure does not need: halves, then quarters, down to single items. */

/** Calls `stillFails` with fewer items. Starts at the end, because later items usually depend on earlier ones. */
export async function removeUnneeded<Item>(
  items: readonly Item[],
  stillFails: (fewer: readonly Item[]) => Promise<boolean>,
): Promise<void> {
  let left = items
  for (let size = left.length; size >= 1; size = Math.floor(size / 2))
    for (let end = left.length; end > 0; end -= size) {
      const fewer = [...left.slice(0, Math.max(0, end - size)), ...left.slice(end)]
      if (await stillFails(fewer)) left = fewer
    }
}
