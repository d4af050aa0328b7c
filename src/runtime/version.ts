/** The version in package.json, which nodes report in their status. A test compares the two. */
export const VERSION = '0.1.0'
